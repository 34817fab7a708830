import {callAtPosition, callsOfPart, iterationHolding, nodeAt, positionOf, type FoldedTree} from '../data/folded.ts'
import type {MapLine as Told} from '../gen/page.ts'
import {opensWhole, PARTS_SHOWN} from './maplines.ts'
import type {MapOpen} from './mapline.ts'
import type {Model} from './model.ts'

/** Opens whatever hides the call, and chooses its iterations. What cannot be shown stays as it is. */
export function revealingOnMap(model: Model, open: MapOpen, call: number): MapOpen {
  const tree = model.folded
  if (tree === null) return open
  const position = positionOf(tree, call)
  if (position < 0) return open
  const way = new Way(model.page.map, tree, position)
  return way.isFound() ? way.changed(open) : open
}

class Way {
  readonly #map: readonly Told[]
  readonly #tree: FoldedTree
  readonly #target: number
  /** Rows that have to be open, and whether they are in the first picture. */
  readonly #opened = new Map<string, boolean>()
  readonly #picks = new Map<string, number>()

  constructor(map: readonly Told[], tree: FoldedTree, target: number) {
    this.#map = map
    this.#tree = tree
    this.#target = target
  }

  isFound(): boolean {
    return this.#told(0, this.#map.length, -1)
  }

  changed({toggled, picks}: MapOpen): MapOpen {
    const rows = new Set(toggled)
    for (const [key, byDefault] of this.#opened) {
      if (byDefault) rows.delete(key)
      else rows.add(key)
    }
    return {toggled: rows, picks: new Map([...picks, ...this.#picks])}
  }

  /** Whether the call is among rows of the file; `around`: the position of the call they stand in. */
  #told(from: number, end: number, around: number): boolean {
    for (let at = from; at < end;) {
      const told = this.#map[at]!
      const next = at + 1 + (told.inside ?? 0)
      if (this.#inside(told, at, next, around)) return true
      at = next
    }
    return false
  }

  #inside(told: Told, at: number, next: number, around: number): boolean {
    const tree = this.#tree
    const key = `o${at}`
    const first = told.call === undefined ? -1 : positionOf(tree, told.call)
    switch (told.kind) {
      case 'call': {
        if (told.times !== 1 || first < 0) return false
        if (first === this.#target) return true
        const node = nodeAt(tree, first)
        if (node < 0 || this.#target < first || this.#target >= first + tree.nodeCalls[node]! || told.again === true) return false
        this.#opened.set(key, told.open === true)
        return told.inside === undefined ? this.#body(node, first) : this.#told(at + 1, next, first)
      }
      case 'loop': {
        if (told.repeat === undefined || first < 0) return false
        const found = this.#target < first ? null : iterationHolding(tree, told.repeat, this.#target - first)
        if (found === null) return false
        this.#opened.set(key, true)
        if (told.times === 1 && this.#told(at + 1, next, around)) {
          this.#picks.set(key, 0)
          return true
        }
        this.#picks.set(key, found.iteration + 1)
        return this.#parts(found.seq, first + found.before, opensWhole(tree, found.seq))
      }
      case 'recursion': {
        const node = around < 0 ? -1 : nodeAt(tree, around)
        if (node < 0) return false
        this.#opened.set(key, true)
        this.#picks.set(key, 1)
        return this.#body(node, around)
      }
      case 'more':
        if (!this.#told(at + 1, next, around)) return false
        this.#opened.set(key, false)
        return true
      default:
        if (!this.#told(at + 1, next, around)) return false
        if (told.kind === 'parallel') this.#opened.set(key, true)
        return true
    }
  }

  #body(node: number, position: number): boolean {
    return this.#parts(this.#tree.nodeBody[node]!, position + 1, false)
  }

  /** Goes down to the call from a sequence that holds it. */
  #parts(from: number, first: number, wasOpen: boolean): boolean {
    const tree = this.#tree
    let [seq, position, opens] = [from, first, wasOpen]
    for (;;) {
      let next = -1
      for (let at = tree.seqStart[seq]!, index = 0; at < tree.seqStart[seq + 1]! && next < 0; at++, index++) {
        const part = tree.parts[at]!
        const number = part >>> 1
        const calls = callsOfPart(tree, part)
        if (index > 0 && index % PARTS_SHOWN === 0) this.#opened.set(`m${callAtPosition(tree, position)}`, false)
        if (this.#target >= position + calls) {
          position += calls
          continue
        }
        const call = callAtPosition(tree, position)
        if (part % 2 === 0) {
          if (position === this.#target) return true
          this.#opened.set(`c${call}`, opens)
          next = tree.nodeBody[number]!
          position++
          continue
        }
        const found = iterationHolding(tree, number, this.#target - position)
        if (found === null) return false
        const key = `l${call}-${number}`
        this.#opened.set(key, true)
        this.#picks.set(key, found.iteration + 1)
        next = found.seq
        opens = opensWhole(tree, next)
        position += found.before
      }
      if (next < 0) return false
      seq = next
    }
  }
}
