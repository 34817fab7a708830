import {NONE} from './none.ts'

/**
 * Goes through starts and ends in the order in which the columns tell them, each from the moment known before it.
 * A call that begins first ends the calls of its lane that are as deep or deeper, innermost first, its caller not among them;
 * what has not ended after the last row ends last. `start` and `end` get a call and that moment; they give the time they stand for, NaN for none.
 */
export function tellTimes(
  parent: Uint32Array, lane: Uint32Array, lanes: number,
  start: (call: number, clock: number) => number, end: (call: number, clock: number) => number,
): void {
  const length = parent.length
  const depth = new Uint32Array(length)
  const isTold = new Uint8Array(length)
  const starts = new Float64Array(length)
  const top = new Uint32Array(lanes).fill(NONE)
  const clocks = new Float64Array(lanes)
  let latest = 0
  for (let call = 0; call < length; call++) {
    const caller = parent[call]!
    const own = lane[call]!
    const level = caller === NONE ? 0 : depth[caller]! + 1
    depth[call] = level
    let clock = clocks[own]!
    for (let at = top[own]!; at !== NONE && at !== caller && depth[at]! + 1 >= level && isTold[at] === 0 && lane[at] === own; at = parent[at]!) {
      isTold[at] = 1
      const told = end(at, clock)
      if (!Number.isNaN(told)) clock = told
    }
    latest = start(call, Math.max(clock, latest))
    starts[call] = latest
    top[own] = call
    clocks[own] = latest
  }
  for (let call = length - 1; call >= 0; call--) if (isTold[call] === 0) end(call, starts[call]!)
}

/** Numbers the lanes by thread and task. */
export function denseLanes(thread: ArrayLike<number>, task: ArrayLike<number>): {lane: Uint32Array, lanes: number} {
  const known = new Map<number, number>()
  const lane = new Uint32Array(thread.length)
  let [before, dense] = [-1, 0]
  for (let call = 0; call < thread.length; call++) {
    const key = thread[call]! * 2 ** 32 + task[call]!
    if (key !== before) {
      dense = known.get(key) ?? known.size
      known.set(key, dense)
      before = key
    }
    lane[call] = dense
  }
  return {lane, lanes: known.size}
}

/** 0, 1, 2, 3, 4 stand for 0, -1, 1, -2, 2. */
export function unfolded(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

export function folded(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}
