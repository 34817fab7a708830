import {RAILS} from './geometry.ts'
import type {Model} from './model.ts'

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
