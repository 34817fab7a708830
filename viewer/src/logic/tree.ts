import {NONE, RAISED, type CallTable} from '../data/table.ts'
import type {LaneRow} from '../gen/page.ts'
import {type CallIndex} from './index.ts'

/**
 * The calls as drawn. The first call of another thread hangs below the innermost frame that was still open
 * when it began, going up from the call that started the thread; everything else hangs below its caller.
 */
export interface CallTree {
  readonly length: number
  readonly parent: Uint32Array
  /** Children of call c are `children[childStart[c]..childStart[c + 1]]`; the roots stand at index `length`. */
  readonly childStart: Uint32Array
  readonly children: Uint32Array
  /** Place of each call in `children`. */
  readonly position: Uint32Array
  readonly depth: Uint32Array
  /** Exact number of calls below in the whole run. */
  readonly below: Uint32Array
  /** Direct or indirect calls below that this file does not hold and no held child accounts for. */
  readonly absent: Uint32Array
  /** The same among the roots. */
  readonly absentRoots: number
  /** Held calls below that failed. */
  readonly failedBelow: Uint32Array
  /** Lane of each call: a thread, or after all threads a task. */
  readonly lane: Uint32Array
}

export function callTree(calls: CallTable, threads: readonly LaneRow[], tasks: readonly LaneRow[], runCalls: number): CallTree {
  const length = calls.length
  const lane = lanesOf(calls, threads.length)
  const parent = displayParents(calls, threads, tasks)
  const {childStart, children} = childLists(parent, length)
  sortAdopted(calls, parent, childStart, children, lane)
  const position = new Uint32Array(length)
  for (let at = 0; at < length; at++) position[children[at]!] = at

  const depth = new Uint32Array(length)
  for (let call = 0; call < length; call++) {
    const above = parent[call]!
    depth[call] = above === NONE ? 0 : depth[above]! + 1
  }

  const below = calls.subtree.slice(0, length)
  const failedBelow = new Uint32Array(length)
  const adopted = new Uint32Array(length)
  for (let call = length - 1; call >= 0; call--) {
    below[call]! += adopted[call]!
    const above = parent[call]!
    if (above === NONE) continue
    failedBelow[above]! += failedBelow[call]! + (calls.outcome[call] === RAISED ? 1 : 0)
    adopted[above]! += calls.parent[call] === above ? adopted[call]! : below[call]! + 1
  }

  const absent = below.slice()
  let held = 0
  for (let call = 0; call < length; call++) {
    const above = parent[call]!
    if (above === NONE) held += below[call]! + 1
    else absent[above]! -= below[call]! + 1
  }
  return {
    length, parent, childStart, children, position, depth, below, absent, failedBelow, lane,
    absentRoots: Math.max(0, runCalls - held),
  }
}

/** Children of a call, or the roots for NONE, as a range of `children`. */
export function childRange(tree: CallTree, call: number): readonly [from: number, to: number] {
  const at = call === NONE ? tree.length : call
  return [tree.childStart[at]!, tree.childStart[at + 1]!]
}

/** Whether anything can be shown inside the call. */
export function hasInside(tree: CallTree, call: number): boolean {
  return tree.below[call]! > 0
}

/** From the call to its root, both included. At most `limit` calls. */
export function pathUp(tree: CallTree, call: number, limit = Number.POSITIVE_INFINITY): CallIndex[] {
  const path: CallIndex[] = []
  for (let at = call; at !== NONE && path.length < limit; at = tree.parent[at]!) path.push(at as CallIndex)
  return path
}

function lanesOf(calls: CallTable, threadCount: number): Uint32Array {
  const lane = new Uint32Array(calls.length)
  for (let call = 0; call < calls.length; call++) {
    const task = calls.task[call]!
    lane[call] = task === NONE ? calls.thread[call]! : threadCount + task
  }
  return lane
}

function displayParents(calls: CallTable, threads: readonly LaneRow[], tasks: readonly LaneRow[]): Uint32Array {
  const parent = calls.parent.slice(0, calls.length)
  for (let call = 0; call < calls.length; call++) {
    if (parent[call] !== NONE) continue
    const task = calls.task[call]!
    const creator = (task === NONE ? null : tasks[task]?.created_by) ?? threads[calls.thread[call]!]?.created_by ?? null
    if (creator === null || creator >= call) continue
    let above = creator
    while (above !== NONE && calls.end[above]! <= calls.start[call]!) above = parent[above]!
    parent[call] = above
  }
  return parent
}

function childLists(parent: Uint32Array, length: number): {childStart: Uint32Array, children: Uint32Array} {
  const childStart = new Uint32Array(length + 2)
  for (let call = 0; call < length; call++) childStart[(parent[call] === NONE ? length : parent[call]!) + 1]!++
  for (let at = 0; at <= length; at++) childStart[at + 1]! += childStart[at]!
  const next = childStart.slice(0, length + 1)
  const children = new Uint32Array(length)
  for (let call = 0; call < length; call++) {
    const above = parent[call] === NONE ? length : parent[call]!
    children[next[above]!++] = call
  }
  return {childStart, children}
}

/** Puts adopted children lane after lane, each lane where its first call began. */
function sortAdopted(calls: CallTable, parent: Uint32Array, childStart: Uint32Array, children: Uint32Array, lane: Uint32Array): void {
  const parents = new Set<number>()
  for (let call = 0; call < calls.length; call++) {
    if (parent[call] !== NONE && calls.parent[call] === NONE) parents.add(parent[call]!)
  }
  for (const above of parents) {
    const range = children.subarray(childStart[above]!, childStart[above + 1]!)
    const first = new Map<number, number>()
    const key = new Map<number, number>()
    for (const call of range) {
      const adopted = calls.parent[call] === NONE
      if (adopted && !first.has(lane[call]!)) first.set(lane[call]!, call)
      key.set(call, adopted ? first.get(lane[call]!)! : call)
    }
    range.set([...range].sort((a, b) => key.get(a)! - key.get(b)! || a - b))
  }
}
