import type {Model} from './model.ts'
import {elapsed} from './times.ts'

/** Where a call stands among the calls of its function that this file holds. */
export interface Equals {
  readonly total: number
  /** From 0, in order of start. */
  readonly place: number
  readonly previous: number
  readonly next: number
  /** Calls per bin of the logarithm of the time. */
  readonly bins: readonly number[]
  /** From 0 to 1. */
  readonly marker: number
  readonly fastestNs: number
  readonly slowestNs: number
  /** How many of the others took less time. */
  readonly slowerThan: number
}

export const BINS = 29

export function equalsOf(model: Model, call: number): Equals {
  const {calls, byFunction, byFunctionStart, page} = model
  const called = calls.function[call]!
  const list = byFunction.subarray(byFunctionStart[called]!, byFunctionStart[called + 1]!)
  const run = page.run.duration_ns
  const own = elapsed(calls, call, run)
  let [fastestNs, slowestNs, slowerThan, place] = [own, own, 0, 0]
  list.forEach((other, at) => {
    const took = elapsed(calls, other, run)
    fastestNs = Math.min(fastestNs, took)
    slowestNs = Math.max(slowestNs, took)
    if (took < own) slowerThan++
    if (other === call) place = at
  })
  const low = Math.log(Math.max(1, fastestNs))
  const span = Math.max(1e-9, Math.log(Math.max(1, slowestNs)) - low)
  const part = (took: number) => Math.min(1, Math.max(0, (Math.log(Math.max(1, took)) - low) / span))
  const bins = new Array<number>(BINS).fill(0)
  for (const other of list) bins[Math.min(BINS - 1, Math.floor(part(elapsed(calls, other, run)) * BINS))]!++
  return {
    total: list.length, place, bins, marker: part(own), fastestNs, slowestNs, slowerThan,
    previous: place > 0 ? list[place - 1]! : -1,
    next: place + 1 < list.length ? list[place + 1]! : -1,
  }
}
