import type {ColumnSpec} from '../gen/page.ts'
import {numbers} from './table.ts'

/** The folded tree: distinct calls, sequences of calls and repetitions, each once. */
export interface FoldedTree {
  /** Sequence of the outermost calls. */
  readonly roots: number
  readonly nodeFunction: Uint32Array
  /** As a call's outcome. */
  readonly nodeEnd: Uint8Array
  readonly nodeBody: Uint32Array
  /** Calls of each distinct call, itself included. */
  readonly nodeCalls: Float64Array
  readonly nodeFails: Uint8Array
  /** Parts of sequence s are `parts[seqStart[s]..seqStart[s + 1]]`: twice a call's number, or a repetition's and one. */
  readonly seqStart: Uint32Array
  readonly parts: Uint32Array
  readonly seqCalls: Float64Array
  readonly seqFails: Uint8Array
  /** Offset of the loop's header, or -1. */
  readonly repeatHeader: Int32Array
  readonly repeatIsLoop: Uint8Array
  readonly repeatIsExact: Uint8Array
  /** Runs of repetition r are those from `runStart[r]` to `runStart[r + 1]`. */
  readonly runStart: Uint32Array
  readonly runSeq: Uint32Array
  readonly runTimes: Uint32Array
  /** Positions in the tree at which numbers of calls begin that are in a row, and the first of each; one more position after the last. */
  readonly orderStart: Float64Array
  readonly orderCall: Uint32Array
}

const NODE_MOVES = 8

/** The folded tree of the decoded bytes; null where it had no room in the file. */
export function foldedTree(bytes: Uint8Array<ArrayBuffer>, specs: readonly ColumnSpec[], roots: number): FoldedTree | null {
  if (!specs.some(({name}) => name === 'node_body')) return null
  const u32 = (name: string) => numbers(bytes, specs, name)
  const heads = u32('repeat_head')
  const ends = u32('node_end')
  const tree = {
    roots, nodeFunction: u32('node_function'), nodeEnd: Uint8Array.from(ends, (end) => end % NODE_MOVES), nodeBody: u32('node_body'),
    nodeCalls: new Float64Array(ends.length), nodeFails: new Uint8Array(ends.length),
    seqStart: starts(u32('seq_length')), parts: u32('part'), seqCalls: new Float64Array(0), seqFails: new Uint8Array(0),
    repeatHeader: Int32Array.from(heads, (head) => Math.floor(head / 4) - 1), repeatIsLoop: Uint8Array.from(heads, (head) => 1 - (head % 2)), repeatIsExact: Uint8Array.from(heads, (head) => (head % 4 < 2 ? 1 : 0)),
    runStart: starts(u32('repeat_length')), runSeq: u32('run_seq'), runTimes: u32('run_times'),
    orderStart: Float64Array.from(starts(u32('order_length'))), orderCall: u32('order_call'),
  }
  return addTotals({...tree, seqCalls: new Float64Array(tree.seqStart.length - 1).fill(Number.NaN), seqFails: new Uint8Array(tree.seqStart.length - 1)})
}

/** What is below a call has a lower number, so going upwards meets everything after what it is made of. */
function addTotals(tree: FoldedTree): FoldedTree {
  const {nodeBody, nodeEnd, nodeCalls, nodeFails, seqStart, parts, seqCalls, seqFails, runStart, runSeq, runTimes} = tree
  const settle = (seq: number): void => {
    if (!Number.isNaN(seqCalls[seq]!)) return
    let [calls, fails] = [0, 0]
    for (let at = seqStart[seq]!; at < seqStart[seq + 1]!; at++) {
      const number = parts[at]! >>> 1
      if (parts[at]! % 2 === 0) {
        calls += nodeCalls[number]!
        fails |= nodeFails[number]!
        continue
      }
      for (let run = runStart[number]!; run < runStart[number + 1]!; run++) {
        settle(runSeq[run]!)
        calls += seqCalls[runSeq[run]!]! * runTimes[run]!
        fails |= seqFails[runSeq[run]!]!
      }
    }
    seqCalls[seq] = calls
    seqFails[seq] = fails
  }
  for (let node = 0; node < nodeBody.length; node++) {
    const body = nodeBody[node]!
    settle(body)
    nodeCalls[node] = seqCalls[body]! + 1
    nodeFails[node] = seqFails[body]! | (nodeEnd[node] === 1 ? 1 : 0)
  }
  settle(tree.roots)
  return tree
}

function starts(lengths: Uint32Array): Uint32Array {
  const found = new Uint32Array(lengths.length + 1)
  for (let at = 0; at < lengths.length; at++) found[at + 1] = found[at]! + lengths[at]!
  return found
}

/** The number of the call at a position of the tree. */
export function callAtPosition({orderStart, orderCall}: FoldedTree, position: number): number {
  let [low, high] = [0, orderCall.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (orderStart[middle]! <= position) low = middle
    else high = middle - 1
  }
  return orderCall[low]! + position - orderStart[low]!
}

const byCall = new WeakMap<FoldedTree, Uint32Array>()

/** The position of a call, or -1. */
export function positionOf(tree: FoldedTree, call: number): number {
  const {orderStart, orderCall} = tree
  let sorted = byCall.get(tree)
  if (sorted === undefined) byCall.set(tree, (sorted = Uint32Array.from(orderCall, (_, at) => at).sort((a, b) => orderCall[a]! - orderCall[b]!)))
  let [low, high] = [0, sorted.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (orderCall[sorted[middle]!]! <= call) low = middle
    else high = middle - 1
  }
  const run = sorted[low]
  if (run === undefined || call < orderCall[run]!) return -1
  const position = orderStart[run]! + call - orderCall[run]!
  return position < orderStart[run + 1]! ? position : -1
}

/** How many iterations a repetition has. */
export function iterationsOf({runStart, runTimes}: FoldedTree, repeat: number): number {
  let sum = 0
  for (let run = runStart[repeat]!; run < runStart[repeat + 1]!; run++) sum += runTimes[run]!
  return sum
}

/** Calls in a part of a sequence. */
export function callsOfPart(tree: FoldedTree, part: number): number {
  if (part % 2 === 0) return tree.nodeCalls[part >>> 1]!
  let sum = 0
  for (let run = tree.runStart[part >>> 1]!; run < tree.runStart[(part >>> 1) + 1]!; run++) sum += tree.seqCalls[tree.runSeq[run]!]! * tree.runTimes[run]!
  return sum
}

/** What an iteration did, from 0, and how many calls lie before it in the repetition. */
export function iterationAt({runStart, runSeq, runTimes, seqCalls}: FoldedTree, repeat: number, iteration: number): {seq: number, before: number} | null {
  let [left, before] = [iteration, 0]
  for (let run = runStart[repeat]!; run < runStart[repeat + 1]!; run++) {
    const own = seqCalls[runSeq[run]!]!
    if (left < runTimes[run]!) return {seq: runSeq[run]!, before: before + left * own}
    left -= runTimes[run]!
    before += own * runTimes[run]!
  }
  return null
}

/** The iteration, from 0, that holds the call so many calls after the repetition's first; with its sequence and its first call. */
export function iterationHolding({runStart, runSeq, runTimes, seqCalls}: FoldedTree, repeat: number, offset: number): {iteration: number, seq: number, before: number} | null {
  let [iteration, before] = [0, 0]
  for (let run = runStart[repeat]!; run < runStart[repeat + 1]!; run++) {
    const own = seqCalls[runSeq[run]!]!
    const all = own * runTimes[run]!
    if (offset < before + all) {
      const nth = Math.floor((offset - before) / own)
      return {iteration: iteration + nth, seq: runSeq[run]!, before: before + nth * own}
    }
    iteration += runTimes[run]!
    before += all
  }
  return null
}

/** The distinct call at a position, or -1. */
export function nodeAt(tree: FoldedTree, position: number): number {
  let [seq, at] = [tree.roots, 0]
  for (;;) {
    let next = -1
    for (let place = tree.seqStart[seq]!; place < tree.seqStart[seq + 1]! && next < 0; place++) {
      const part = tree.parts[place]!
      const calls = callsOfPart(tree, part)
      if (position >= at + calls) {
        at += calls
        continue
      }
      if (part % 2 === 0) {
        if (position === at) return part >>> 1
        next = tree.nodeBody[part >>> 1]!
        at++
        continue
      }
      const found = iterationHolding(tree, part >>> 1, position - at)
      if (found === null) return -1
      next = found.seq
      at += found.before
    }
    if (next < 0) return -1
    seq = next
  }
}
