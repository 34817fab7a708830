import {NONE} from '../data/table.ts'
import type {Frames} from './frames.ts'
import type {Geometry} from './geometry.ts'
import {laneEnds} from './lanes.ts'
import type {Branch, MapContext, RailPiece} from './maprow.ts'
import {ROW, type RowKind} from './rows.ts'

/** One row's surroundings. */
export interface RailSite {
  readonly geometry: Geometry
  readonly context: MapContext
  readonly frames: Frames
}

/** A row's pieces of the rails, its dot, and where a lane leaves or joins another. */
export interface LanePieces {
  readonly rails: RailPiece[]
  readonly dot: number
  readonly branch: Branch | null
}

const NO_LANES: LanePieces = {rails: [], dot: -1, branch: null}

/** Rails of the lanes that have open frames. */
export function openRails({geometry, context, frames}: RailSite, call: number): RailPiece[] {
  if (geometry.narrow) return []
  const {lanes, model} = context
  const own = call === NONE ? -1 : lanes.slot[model.tree.lane[call]!]!
  const slots = new Set([...frames.perLane.keys()].map((lane) => lanes.slot[lane]!))
  return [...slots].sort((a, b) => a - b).map((slot) => ({x: laneX(geometry, slot), waits: slot !== own, part: 'full' as const}))
}

/** Where a call begins. */
export function laneAtStart(site: RailSite, kind: RowKind, call: number, last: number): LanePieces {
  const {geometry, context} = site
  if (geometry.narrow) return NO_LANES
  const {model: {tree}, lanes} = context
  const above = tree.parent[call]!
  const slot = lanes.slot[tree.lane[call]!]!
  const x = laneX(geometry, slot)
  const from = above === NONE ? slot : lanes.slot[tree.lane[above]!]!
  const others = openRails(site, call).filter((rail) => rail.x !== x)
  if (from === slot) {
    const part = above === NONE ? (kind === ROW.call ? 'begin' as const : null) : 'full' as const
    return {rails: part === null ? others : [...others, {x, waits: false, part}], dot: x, branch: null}
  }
  const {isFirst} = laneEnds(tree, call)
  const isLast = kind !== ROW.call && laneEnds(tree, last).isLast
  const fork = {from: laneX(geometry, from), to: x}
  if (isFirst && isLast) return {rails: others, dot: x, branch: {...fork, part: 'tick'}}
  if (isFirst) return {rails: others, dot: x, branch: {...fork, part: 'fork'}}
  if (isLast) return {rails: others, dot: x, branch: {...fork, part: 'join'}}
  return {rails: [...others, {x, waits: false, part: 'full'}], dot: x, branch: null}
}

/** Where a call ends, with the calls out to `outermost` that let its exception pass. */
export function laneAtEnd(site: RailSite, call: number, outermost: number): LanePieces {
  const {geometry, context} = site
  if (geometry.narrow) return NO_LANES
  const {model: {tree}, lanes} = context
  const receiver = tree.parent[outermost]!
  const slot = lanes.slot[tree.lane[outermost]!]!
  const x = laneX(geometry, slot)
  const rails = openRails(site, call)
  const dot = laneX(geometry, lanes.slot[tree.lane[call]!]!)
  if (receiver === NONE) return {rails: rails.map((rail) => (rail.x === x ? {...rail, part: 'end' as const} : rail)), dot, branch: null}
  const to = lanes.slot[tree.lane[receiver]!]!
  if (to === slot || !laneEnds(tree, outermost).isLast) return {rails, dot, branch: null}
  return {rails: rails.filter((rail) => rail.x !== x), dot, branch: {from: laneX(geometry, to), to: x, part: 'join'}}
}

function laneX({firstLane, lane}: Geometry, slot: number): number {
  return firstLane + slot * lane
}
