import type {CallTable} from '../data/table.ts'
import type {CallTree} from './tree.ts'

/** From start to end; to the end of the recording when the call did not return. */
export function elapsed(calls: CallTable, call: number, runNs: number): number {
  const end = calls.end[call]!
  return (Number.isNaN(end) ? Math.max(runNs, calls.start[call]!) : end) - calls.start[call]!
}

/** Time in the call itself: without its suspensions and without what its callees on the same lane took. */
export function selfTimes(calls: CallTable, tree: CallTree, runNs: number): Float64Array {
  const self = new Float64Array(calls.length)
  for (let call = calls.length - 1; call >= 0; call--) {
    const active = Math.max(0, elapsed(calls, call, runNs) - calls.suspended[call]!)
    self[call]! += active
    const above = tree.parent[call]!
    if (above < call && tree.lane[above] === tree.lane[call]) self[above]! -= active
  }
  for (let call = 0; call < self.length; call++) if (self[call]! < 0) self[call] = 0
  return self
}
