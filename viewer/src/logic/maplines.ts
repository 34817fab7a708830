import {callAtPosition, callsOfPart, iterationAt, iterationsOf, nodeAt, positionOf, type FoldedTree} from '../data/folded.ts'
import {CLOSED, RAISED, RETURNED, UNFINISHED} from '../data/table.ts'
import type {MapLine as Told} from '../gen/page.ts'
import {count} from '../lib/format.ts'
import {textAt} from './label.ts'
import {LINE, type Block, type Frame, type Line, type LineKind, type MapLines, type MapOpen, type Picking} from './mapline.ts'
import type {Model} from './model.ts'

/** So many parts of one call are shown before the rest is counted. */
export const PARTS_SHOWN = 200

/** An iteration, or a call told by the first of many, with so many calls at most is shown whole. */
const SHOWN_WHOLE = 24

/** Whether all calls of a sequence are open until they are folded. */
export function opensWhole({seqCalls}: FoldedTree, seq: number): boolean {
  return seqCalls[seq]! <= SHOWN_WHOLE
}

/** Around rows. */
interface Around {
  readonly frame: Frame | null
  readonly block: Block | null
  /** How often what stands around happened. */
  readonly times: number
  /** The loop around that was gone through once, outermost. */
  readonly loop: {readonly key: string, readonly repeat: number, readonly first: number} | null
  /** Whether calls are open until they are folded. */
  readonly opens: boolean
}

type Head = Pick<Line, 'fn' | 'call' | 'times' | 'told' | 'outcome' | 'lane' | 'creator' | 'inside' | 'failing'>

const NO_HEAD: Head = {fn: -1, call: -1, times: 1, told: null, outcome: RETURNED, lane: 0, creator: -1, inside: 0, failing: false}

/** All rows for what is open. Its stack is a list, whatever the depth. */
export function mapLines(model: Model, open: MapOpen, heights: Readonly<Record<LineKind, number>>): MapLines {
  const lines = new Builder(model, open).build()
  const top = new Float64Array(lines.length + 1)
  const rowOf = new Map<string, number>()
  lines.forEach((line, row) => {
    top[row + 1] = top[row]! + heights[line.kind]
    if (!rowOf.has(line.key)) rowOf.set(line.key, row)
  })
  return {lines, length: lines.length, top, rowOf}
}

class Builder {
  readonly #model: Model
  readonly #map: readonly Told[]
  readonly #tree: FoldedTree | null
  readonly #open: MapOpen
  readonly #lines: Line[] = []
  readonly #todo: (() => void)[] = []

  constructor(model: Model, open: MapOpen) {
    this.#model = model
    this.#map = model.page.map
    this.#tree = model.folded
    this.#open = open
  }

  build(): Line[] {
    this.#told(0, this.#map.length, {frame: null, block: null, times: 1, loop: null, opens: false})
    for (let next = this.#todo.pop(); next !== undefined; next = this.#todo.pop()) next()
    return this.#lines
  }

  #isOpen(key: string, byDefault: boolean): boolean {
    return this.#open.toggled.has(key) !== byDefault
  }

  #add(kind: LineKind, key: string, around: Around, head: Partial<Head>, more: Partial<Line> = {}): void {
    this.#lines.push({
      ...NO_HEAD, ...head, kind, key, around: around.times, frame: around.frame, block: around.block, own: null, last: null, open: null, text: '',
      level: (around.frame === null ? 0 : around.frame.depth + 1) + (around.block === null ? 0 : around.block.depth + 1) + 1, ...more,
    })
  }

  /** The rows of the file from `at` to `end`. */
  #told(at: number, end: number, around: Around): void {
    const told = this.#map[at]
    if (told === undefined || at >= end) return
    const next = at + 1 + (told.inside ?? 0)
    const rest = told.kind === 'section' ? {...around, times: told.times ?? 1} : around
    this.#todo.push(() => this.#told(next, end, rest))
    const key = `o${at}`
    switch (told.kind) {
      case 'call':
        this.#toldCall(told, at, around)
        return
      case 'more': {
        const [calls, inside] = [told.times ?? 0, told.calls_inside ?? 0]
        const isOpen = told.inside === undefined ? null : this.#isOpen(key, false)
        this.#add(LINE.more, key, around, {times: calls, inside, told, ...this.#laneAround(around)}, {open: isOpen, text: told.text})
        if (isOpen === true) this.#todo.push(() => this.#told(at + 1, next, around))
        return
      }
      case 'lane':
      case 'section':
        this.#add(told.kind === 'lane' ? LINE.note : LINE.section, key, around, {told, times: told.times ?? 1, lane: around.block?.kind === 'parallel' && told.kind === 'section' ? this.#laneOf(this.#map[at + 1]) : around.frame?.lane ?? 0}, {text: told.kind === 'lane' ? `${told.task === undefined ? 'thread' : 'task'} ${told.text}` : told.text})
        return
      default:
        this.#toldBlock(told, at, around)
    }
  }

  #toldCall(told: Told, at: number, around: Around): void {
    const [call, inside] = [told.call ?? -1, told.calls_inside ?? 0]
    const key = `o${at}`
    const lane = this.#laneOf(told)
    const head: Head = {
      fn: told.function ?? -1, call, times: told.times ?? 1, told, outcome: told.outcome ?? RETURNED, lane, inside: told.again === true ? 0 : inside, failing: false,
      creator: around.frame === null ? told.creator ?? -1 : -1,
    }
    const canOpen = inside > 0 && told.again !== true && (told.inside !== undefined || this.#tree !== null)
    const isOpen = canOpen && this.#isOpen(key, told.open ?? false)
    const text = told.exception ?? ''
    this.#call(key, head, canOpen ? isOpen : null, text, around, (within) => {
      if (told.inside !== undefined) this.#todo.push(() => this.#told(at + 1, at + 1 + told.inside!, within))
      else {
        if (head.times > 1) this.#add(LINE.note, `${key}-1`, within, {lane}, {text: `as in the first of ${count(head.times)} calls`})
        this.#body(call, {...within, times: 1, loop: null})
      }
    })
  }

  #toldBlock(told: Told, at: number, around: Around): void {
    const key = `o${at}`
    const kind = told.kind as Block['kind']
    const times = told.times ?? 1
    const isBare = kind === 'alternatives' || kind === 'optional'
    const isOpen = isBare || this.#isOpen(key, true)
    const loop = kind === 'loop' ? this.#loopOf(told, key) : null
    const picking = kind === 'loop' ? this.#toldPicking(told, key, loop, around) : this.#recursionPicking(kind, key, around)
    const block: Block = {key, kind, outer: around.block, frame: around.frame, depth: around.block === null ? 0 : around.block.depth + 1, picking}
    const within: Around = {...around, block, times, loop: around.loop ?? loop}
    const end = at + 1 + (told.inside ?? 0)
    const head: Partial<Head> = {times, call: told.call ?? -1, told, ...this.#laneAround(around)}
    if (isBare) this.#add(LINE.section, key, within, head, {text: told.text, around: around.times})
    else this.#add(LINE.block, key, within, head, {text: kind === 'parallel' ? this.#sections(at, end) : told.text, open: isOpen})
    if (!isOpen) return
    if (kind === 'parallel') this.#add(LINE.section, `${key}-1`, within, {...head, lane: this.#laneOf(this.#map[at + 1])}, {text: told.text})
    if (picking !== null && picking.at > 0 && picking.key === key) {
      if (kind === 'recursion') this.#body(around.frame?.call ?? -1, {...within, times: 1})
      else if (loop !== null) this.#iteration(loop.repeat, loop.first, picking.at, {...within, times: 1})
    } else this.#todo.push(() => this.#told(at + 1, end, within))
  }

  /** `3 tasks: Task-1, charge, receipt`: what stands side by side in a block. */
  #sections(at: number, end: number): string {
    const texts = [this.#map[at]!.text]
    for (let next = at + 1; next < end; next += 1 + (this.#map[next]!.inside ?? 0)) if (this.#map[next]!.kind === 'section') texts.push(this.#map[next]!.text)
    const kinds = new Set(texts.map((text) => text.slice(0, text.indexOf(' '))))
    const names = texts.map((text) => (kinds.size === 1 ? text.slice(text.indexOf(' ') + 1) : text))
    return kinds.size === 1 ? `${[...kinds].join()}s ${names.join(', ')}` : names.join(', ')
  }

  #loopOf({repeat, call}: Told, key: string): {key: string, repeat: number, first: number} | null {
    if (this.#tree === null || repeat === undefined || call === undefined) return null
    return {key, repeat, first: positionOf(this.#tree, call)}
  }

  #toldPicking(told: Told, key: string, loop: {repeat: number} | null, {loop: outer}: Around): Picking | null {
    const tree = this.#tree
    if (tree === null || told.call === undefined) return null
    if (loop !== null) {
      const total = iterationsOf(tree, loop.repeat)
      return {key, at: Math.min(total, this.#open.picks.get(key) ?? 0), total, repeat: loop.repeat, hasAll: true, first: 1}
    }
    if (outer === null) return null
    const first = iterationOf(tree, outer.repeat, positionOf(tree, told.call) - outer.first)
    return {key: outer.key, at: 0, total: told.times ?? 0, repeat: -1, hasAll: true, first}
  }

  /** A recursion is shown as one, or call by call. */
  #recursionPicking(kind: Block['kind'], key: string, {frame}: Around): Picking | null {
    if (kind !== 'recursion' || this.#tree === null || frame === null || frame.call < 0) return null
    return {key, at: Math.min(1, this.#open.picks.get(key) ?? 0), total: 1, repeat: -1, hasAll: true, first: 1}
  }

  /** A call, what is inside, and its end. */
  #call(key: string, head: Head, isOpen: boolean | null, exception: string, around: Around, inside: (around: Around) => void): void {
    const {outcome} = head
    if (isOpen !== true && (outcome === RETURNED || outcome === CLOSED)) {
      this.#add(LINE.leaf, key, around, head, {open: isOpen, text: exception})
      return
    }
    const own: Frame = {fn: head.fn, call: head.times === 1 ? head.call : -1, lane: head.lane, above: around.frame, depth: around.frame === null ? 0 : around.frame.depth + 1}
    this.#add(LINE.call, key, around, head, {own, open: isOpen, text: exception})
    this.#todo.push(() => this.#end(key, head, own, exception, isOpen === true, around))
    if (isOpen === true) this.#todo.push(() => inside({...around, frame: own}))
  }

  #end(key: string, head: Head, own: Frame, exception: string, wasOpen: boolean, around: Around): void {
    const {calls} = this.#model
    if (wasOpen && head.times === 1 && head.call >= 0 && head.call < calls.length && calls.suspended[head.call]! > 0) {
      this.#add(LINE.suspended, `${key}-s`, around, head, {own})
    }
    const before = this.#lines[this.#lines.length - 1]
    if (head.outcome === UNFINISHED) this.#add(LINE.unfinished, `${key}-e`, around, head, {own})
    else if (head.outcome !== RAISED) this.#add(LINE.return, `${key}-e`, around, head, {own, text: exception})
    else if (before !== undefined && before.kind === LINE.fail && before.last?.above === own && before.text === exception && before.times === 1 && head.times === 1) before.last = own
    else this.#add(LINE.fail, `${key}-e`, around, head, {own, last: own, text: exception})
  }

  /** What a call of the trace called. */
  #body(call: number, around: Around): void {
    const tree = this.#tree
    const position = tree === null || call < 0 ? -1 : positionOf(tree, call)
    const node = tree === null || position < 0 ? -1 : nodeAt(tree, position)
    if (tree !== null && node >= 0) this.#parts(tree, tree.nodeBody[node]!, 0, position + 1, around)
  }

  #iteration(repeat: number, first: number, at: number, around: Around): void {
    const tree = this.#tree
    const found = tree === null ? null : iterationAt(tree, repeat, at - 1)
    if (tree === null || found === null) return
    if (tree.seqCalls[found.seq] === 0) this.#add(LINE.more, `${around.block?.key ?? ''}-n`, around, {times: 0, ...this.#laneAround(around)}, {text: 'no calls in this iteration'})
    else this.#parts(tree, found.seq, 0, first + found.before, {...around, opens: opensWhole(tree, found.seq)})
  }

  /** Parts of a sequence of the folded tree, whose first call stands at a position. */
  #parts(tree: FoldedTree, seq: number, index: number, position: number, around: Around): void {
    const at = tree.seqStart[seq]! + index
    if (at >= tree.seqStart[seq + 1]!) return
    if (index > 0 && index % PARTS_SHOWN === 0) {
      const key = `m${callAtPosition(tree, position)}`
      const isOpen = this.#isOpen(key, false)
      if (!isOpen) {
        const left = tree.parts.subarray(at, tree.seqStart[seq + 1]).reduce((sum, part) => sum + callsOfPart(tree, part), 0)
        this.#add(LINE.more, key, around, {times: left, ...this.#laneAround(around)}, {open: false})
        return
      }
    }
    const part = tree.parts[at]!
    const next = position + callsOfPart(tree, part)
    this.#todo.push(() => this.#parts(tree, seq, index + 1, next, around))
    if (part % 2 === 0) this.#node(tree, part >>> 1, position, around)
    else this.#repeat(tree, part >>> 1, position, around)
  }

  #node(tree: FoldedTree, node: number, position: number, around: Around): void {
    const model = this.#model
    const call = callAtPosition(tree, position)
    const isHeld = call < model.calls.length
    const key = `c${call}`
    const body = tree.nodeBody[node]!
    const head: Head = {
      fn: tree.nodeFunction[node]!, call, times: 1, told: null, outcome: tree.nodeEnd[node]!, lane: isHeld ? model.tree.lane[call]! : around.frame?.lane ?? 0,
      creator: -1, inside: tree.nodeCalls[node]! - 1, failing: tree.seqFails[body] === 1,
    }
    const isOpen = head.inside > 0 ? this.#isOpen(key, around.opens) : null
    const exception = isHeld ? textAt(model, model.calls.exception[call]!) : ''
    this.#call(key, head, isOpen, exception, {...around, times: 1}, (within) => this.#parts(tree, body, 0, position + 1, {...within, loop: null}))
  }

  #repeat(tree: FoldedTree, repeat: number, position: number, around: Around): void {
    const total = iterationsOf(tree, repeat)
    if (total === 1) {
      this.#iteration(repeat, position, 1, around)
      return
    }
    const key = `l${callAtPosition(tree, position)}-${repeat}`
    const at = Math.min(total, this.#open.picks.get(key) ?? 1)
    const picking: Picking = {key, at, total, repeat, hasAll: false, first: 1}
    const block: Block = {key, kind: 'loop', outer: around.block, frame: around.frame, depth: around.block === null ? 0 : around.block.depth + 1, picking}
    const isOpen = this.#isOpen(key, true)
    const within: Around = {...around, block, times: 1}
    const line = tree.repeatIsLoop[repeat] === 1 && around.frame !== null ? this.#model.page.functions[around.frame.fn]?.loops.find(({header}) => header === tree.repeatHeader[repeat])?.line : undefined
    const least = tree.repeatIsExact[repeat] === 1 ? '' : 'at least '
    this.#add(LINE.block, key, within, {times: total, ...this.#laneAround(around)}, {text: `${least}${count(total)}×${line === undefined ? '' : `, line ${line}`}`, open: isOpen})
    if (isOpen) this.#iteration(repeat, position, at, within)
  }

  /** The lane of a call of the file, or of the first in a block. */
  #laneOf(told: Told | undefined): number {
    if (told?.kind === 'loop') return this.#laneOf(this.#map[this.#map.indexOf(told) + 1])
    return told?.task === undefined ? told?.thread ?? 0 : this.#model.page.threads.length + told.task
  }

  #laneAround({frame}: Around): Pick<Head, 'lane'> {
    return {lane: frame?.lane ?? 0}
  }
}

function iterationOf(tree: FoldedTree, repeat: number, offset: number): number {
  let [iteration, before] = [1, 0]
  for (let run = tree.runStart[repeat]!; run < tree.runStart[repeat + 1]!; run++) {
    const own = tree.seqCalls[tree.runSeq[run]!]!
    const times = tree.runTimes[run]!
    if (offset < before + own * times) return iteration + Math.floor((offset - before) / Math.max(1, own))
    iteration += times
    before += own * times
  }
  return 1
}
