import {RAILS} from './geometry.ts'
import type {Model} from './model.ts'

/** Rail of each lane, in order of first appearance; with too many lanes all but the first share one. */
export interface Lanes {
  readonly count: number
  readonly slot: Uint16Array
}

export function lanesOf({page, tree}: Model): Lanes {
  const total = page.threads.length + page.tasks.length
  const slot = new Uint16Array(total).fill(0xffff)
  let count = 0
  for (let call = 0; call < tree.length && count < total; call++) {
    const lane = tree.lane[call]!
    if (slot[lane] === 0xffff) slot[lane] = count++
  }
  if (count > RAILS) for (let lane = 0; lane < total; lane++) slot[lane] = slot[lane] === 0 ? 0 : 1
  return {count: Math.max(1, count), slot}
}
