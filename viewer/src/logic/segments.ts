import {RAISED, RETURNED} from '../data/table.ts'
import {finished, growing, push} from '../lib/growing.ts'
import {functionOf, isQuietBody, type Model} from './model.ts'
import {childRange} from './tree.ts'

/** Pieces of a list of children, three numbers each: from, to (places in `children`) and what they are. */
export type Segments = Uint32Array

export const SINGLE = 0
/** Equal neighbouring leaf calls: same function, arguments and result. */
export const EQUAL = 1
/** A stretch shown as one row until it is opened. */
export const STRETCH = 2
/** Longest list of pieces that is shown whole. */
const SHOWN_WHOLE = 14
/** A stretch shorter than this takes no fewer rows than its calls. */
const SHORTEST_STRETCH = 3
const FIRST_OF_FUNCTION = 10
const FAILURES = 5
/** Rows an opened stretch has at most before it is cut into stretches again, and how long those are at least. */
const OPENED_WHOLE = 5000
const STRETCH_ROWS = 1000

/** How the children of a call are shown before anything among them is opened. */
export function segmentsOf(model: Model, parent: number): Segments {
  const [from, to] = childRange(model.tree, parent)
  if (to - from === 1) return Uint32Array.of(from, to, SINGLE)
  const items = equalRuns(model, from, to)
  return items.length / 3 <= SHOWN_WHOLE ? items : withStretches(model, items)
}

/** What an opened stretch shows: its calls, or stretches again when they are too many. */
export function insideStretch(from: number, to: number): Segments {
  const list = growing(64)
  if (to - from <= OPENED_WHOLE) {
    for (let at = from; at < to; at++) add(list, at, at + 1, SINGLE)
    return finished(list)
  }
  let step = STRETCH_ROWS
  while ((to - from) / step > OPENED_WHOLE) step *= 10
  for (let at = from; at < to; at += step) add(list, at, Math.min(to, at + step), STRETCH)
  return finished(list)
}

function equalRuns(model: Model, from: number, to: number): Segments {
  const {tree} = model
  const list = growing(Math.max(3, Math.min(64, (to - from) * 3)))
  for (let at = from; at < to;) {
    let next = at
    while (next < to && isBodyLike(model, tree.children[at]!, tree.children[next]!)) next++
    if (next - at >= SHORTEST_STRETCH) {
      add(list, at, next, STRETCH)
      at = next
      continue
    }
    next = at + 1
    if (isPlainLeaf(model, tree.children[at]!)) {
      while (next < to && isEqual(model, tree.children[at]!, tree.children[next]!)) next++
    }
    add(list, at, next, next - at > 1 ? EQUAL : SINGLE)
    at = next
  }
  return finished(list)
}

/** Whether both are bodies of modules, or both of classes, on one lane. */
function isBodyLike(model: Model, first: number, next: number): boolean {
  return isQuietBody(model, next) && functionOf(model, first).kind === functionOf(model, next).kind && model.tree.lane[first] === model.tree.lane[next]
}

function withStretches({calls, tree}: Model, items: Segments): Segments {
  const list = growing(64)
  const seen = new Set<number>()
  let failures = 0
  let open = 0
  const close = (end: number) => {
    const stretch = (end - open) / 3
    if (stretch >= SHORTEST_STRETCH) add(list, items[open]!, items[end - 2]!, STRETCH)
    else for (let i = open; i < end; i += 3) add(list, items[i]!, items[i + 1]!, items[i + 2]!)
  }
  for (let i = 0; i < items.length; i += 3) {
    const call = tree.children[items[i]!]!
    const isBodies = items[i + 2] === STRETCH
    const isNew = !isBodies && seen.size < FIRST_OF_FUNCTION && !seen.has(calls.function[call]!)
    const failed = failures < FAILURES && (calls.outcome[call] === RAISED || tree.failedBelow[call]! > 0)
    if (isNew) seen.add(calls.function[call]!)
    if (failed) failures++
    if (!isNew && !failed && !isBodies && i + 3 < items.length) continue
    close(i)
    add(list, items[i]!, items[i + 1]!, items[i + 2]!)
    open = i + 3
  }
  close(items.length)
  return finished(list)
}

function isPlainLeaf({calls, tree}: Model, call: number): boolean {
  return tree.below[call] === 0 && calls.outcome[call] === RETURNED && calls.suspended[call] === 0
}

function isEqual(model: Model, a: number, b: number): boolean {
  const {calls, tree} = model
  const called = calls.function[a]!
  if (called !== calls.function[b] || calls.result[a] !== calls.result[b] || tree.lane[a] !== tree.lane[b]) return false
  if (!isPlainLeaf(model, b) || calls.parent[a] !== calls.parent[b]) return false
  const [startA, startB] = [calls.argsStart[a]!, calls.argsStart[b]!]
  const size = model.page.functions[called]!.args.length
  for (let i = 0; i < size; i++) if (calls.argTexts[startA + i] !== calls.argTexts[startB + i]) return false
  return true
}

function add(list: ReturnType<typeof growing>, from: number, to: number, kind: number): void {
  push(list, from)
  push(list, to)
  push(list, kind)
}
