import {counted} from '../lib/format.ts'
import {visible} from '../lib/text.ts'
import {RAILS} from './geometry.ts'
import type {Model} from './model.ts'
import {childRange, type CallTree} from './tree.ts'

/** Rail of each lane. Lanes that never overlap in time share a rail; with too many at once all but the first share one. */
export interface Lanes {
  readonly count: number
  readonly rails: number
  readonly slot: Uint16Array
}

export function lanesOf({page, tree, calls}: Model): Lanes {
  const total = page.threads.length + page.tasks.length
  const first = new Float64Array(total).fill(Number.POSITIVE_INFINITY)
  const last = new Float64Array(total).fill(Number.NEGATIVE_INFINITY)
  for (let call = 0; call < tree.length; call++) {
    const lane = tree.lane[call]!
    const end = calls.end[call]!
    if (calls.start[call]! < first[lane]!) first[lane] = calls.start[call]!
    last[lane] = Number.isNaN(end) ? Number.POSITIVE_INFINITY : Math.max(last[lane]!, end)
  }
  const live = Array.from(first, (_, lane) => lane).filter((lane) => first[lane]! < Number.POSITIVE_INFINITY)
  live.sort((a, b) => first[a]! - first[b]! || a - b)
  const slot = new Uint16Array(total)
  const busy: number[] = [Number.POSITIVE_INFINITY]
  for (const lane of live.slice(1)) {
    const free = busy.findIndex((until) => until < first[lane]!)
    slot[lane] = free < 0 ? busy.push(0) - 1 : free
    busy[slot[lane]!] = last[lane]!
  }
  const isCrowded = busy.length > RAILS
  if (isCrowded) for (const lane of live.slice(1)) slot[lane] = 1
  return {count: Math.max(1, live.length), rails: isCrowded ? 2 : busy.length, slot}
}

/** Whether a call stands first or last among neighbouring calls of its lane below the same call. */
export function laneEnds(tree: CallTree, call: number): {isFirst: boolean, isLast: boolean} {
  const at = tree.position[call]!
  const [from, to] = childRange(tree, tree.parent[call]!)
  const isSame = (place: number) => place >= from && place < to && tree.lane[tree.children[place]!] === tree.lane[call]
  return {isFirst: !isSame(at - 1), isLast: !isSame(at + 1)}
}

const threads = new WeakMap<Model, Map<number, number>>()

/** The thread a lane runs on. */
export function threadOfLane(model: Model, lane: number): number {
  if (lane < model.page.threads.length) return lane
  const known = threads.get(model) ?? new Map<number, number>()
  threads.set(model, known)
  const thread = known.get(lane) ?? model.calls.thread[model.tree.lane.indexOf(lane)] ?? -1
  known.set(lane, thread)
  return thread
}

const NAMED = 4

/** `3 threads, 12 calls` or `2 tasks on this thread: charge, receipt`, for places in `children`. */
export function parallelWords({tree, page}: Model, from: number, to: number): string {
  const lanes = [...new Set(tree.children.subarray(from, to).map((call) => tree.lane[call]!))]
  const tasks = lanes.filter((lane) => lane >= page.threads.length)
  const threadCount = lanes.length - tasks.length
  const parts = [
    threadCount === 0 ? '' : `${counted(threadCount, 'thread')}`,
    tasks.length === 0 ? '' : counted(tasks.length, 'task'),
  ].filter(Boolean)
  const names = lanes.map((lane) => (lane < page.threads.length ? page.threads[lane] : page.tasks[lane - page.threads.length])?.name ?? '')
  const named = names.length <= NAMED ? `: ${names.map(visible).join(', ')}` : ''
  return `${parts.join(' and ')}, ${counted(to - from, 'call')}${named}`
}
