import {NONE, UNFINISHED} from '../data/table.ts'
import type {Model} from './model.ts'

/** The whole run in columns of equal time. */
export interface RunStripData {
  /** Calls that began in each column. */
  readonly begun: Uint32Array
  readonly most: number
  /** Columns in which a failure was raised. */
  readonly failed: readonly number[]
  /** Extent of each other lane, as parts of the run. */
  readonly lanes: readonly {from: number, to: number, row: number}[]
}

const LANE_ROWS = 3

export function runStrip(model: Model, columns: number): RunStripData {
  const {calls, page, origins, tree} = model
  const run = Math.max(1, page.run.duration_ns)
  const column = (ns: number) => Math.min(columns - 1, Math.max(0, Math.floor((ns / run) * columns)))
  const begun = new Uint32Array(columns)
  const lanes = new Map<number, {from: number, to: number}>()
  for (let call = 0; call < calls.length; call++) {
    begun[column(calls.start[call]!)]!++
    const above = tree.parent[call]!
    const lane = tree.lane[call]!
    if (lane === 0 || (above !== NONE && tree.lane[above] === lane)) continue
    const end = Number.isNaN(calls.end[call]!) ? run : calls.end[call]!
    const extent = lanes.get(lane)
    if (extent === undefined) lanes.set(lane, {from: calls.start[call]!, to: end})
    else extent.to = Math.max(extent.to, end)
  }
  const failed = [...new Set(Array.from(origins.subarray(0, 10_000), (call) => column(failedAt(model, call))))]
  const ends = new Array<number>(LANE_ROWS).fill(-1)
  const placed = [...lanes.values()].sort((a, b) => a.from - b.from).map(({from, to}) => {
    let row = ends.findIndex((end) => end < from)
    if (row < 0) row = LANE_ROWS - 1
    ends[row] = Math.max(ends[row]!, to)
    return {from: from / run, to: to / run, row}
  })
  return {begun, most: begun.reduce((a, b) => Math.max(a, b), 0), failed, lanes: placed}
}

/** The call that runs at a moment: the last one begun, or the nearest caller of it that has not ended. */
export function callAt({calls, tree}: Model, ns: number): number {
  let low = 0
  let high = calls.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (calls.start[middle]! <= ns) low = middle + 1
    else high = middle
  }
  let call = low - 1
  if (call < 0) return -1
  while (call !== NONE && calls.outcome[call] !== UNFINISHED && calls.end[call]! < ns) call = tree.parent[call]!
  return call === NONE ? -1 : call
}

function failedAt({calls}: Model, call: number): number {
  return Number.isNaN(calls.end[call]!) ? calls.start[call]! : calls.end[call]!
}
