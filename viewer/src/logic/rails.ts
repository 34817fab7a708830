import type {Frames} from './frames.ts'
import type {Geometry} from './geometry.ts'
import {LINE, type Frame, type Line} from './mapline.ts'
import type {Branch, MapContext, RailPiece} from './maprow.ts'

/** A row's pieces of the rails, its dot, and where a lane leaves or joins another. */
export interface LanePieces {
  readonly rails: RailPiece[]
  readonly dot: number
  readonly branch: Branch | null
}

const NO_LANES: LanePieces = {rails: [], dot: -1, branch: null}

/** Rails of the lanes that have open calls. */
export function openRails({geometry, lanes}: MapContext, frames: Frames, lane: number): RailPiece[] {
  if (geometry.narrow) return []
  const own = lanes.slot[lane]!
  const slots = new Set([...frames.open].map((open) => lanes.slot[open]!))
  return [...slots].sort((a, b) => a - b).map((slot) => ({x: laneX(geometry, slot), waits: slot !== own, part: 'full' as const}))
}

/** Where a call begins. */
export function laneAtStart(context: MapContext, frames: Frames, line: Line): LanePieces {
  const {geometry, lanes} = context
  if (geometry.narrow) return NO_LANES
  const slot = lanes.slot[line.lane]!
  const x = laneX(geometry, slot)
  const from = line.frame === null ? (line.creator < 0 ? slot : 0) : lanes.slot[line.frame.lane]!
  const others = openRails(context, frames, line.lane).filter((rail) => rail.x !== x)
  const isOpen = line.kind === LINE.call
  if (from !== slot) return {rails: others, dot: x, branch: {from: laneX(geometry, from), to: x, part: isOpen ? 'fork' : 'tick'}}
  const part = line.frame !== null ? 'full' as const : isOpen ? 'begin' as const : null
  return {rails: part === null ? others : [...others, {x, waits: false, part}], dot: x, branch: null}
}

/** Where a call ends, with the calls out to `outermost` that let its exception pass. */
export function laneAtEnd(context: MapContext, frames: Frames, own: Frame, outermost: Frame): LanePieces {
  const {geometry, lanes} = context
  if (geometry.narrow) return NO_LANES
  const slot = lanes.slot[outermost.lane]!
  const x = laneX(geometry, slot)
  const rails = openRails(context, frames, own.lane)
  const dot = laneX(geometry, lanes.slot[own.lane]!)
  const receiver = outermost.above
  if (receiver === null) return {rails: rails.map((rail) => (rail.x === x ? {...rail, part: 'end' as const} : rail)), dot, branch: null}
  const to = lanes.slot[receiver.lane]!
  if (to === slot) return {rails, dot, branch: null}
  return {rails: rails.filter((rail) => rail.x !== x), dot, branch: {from: laneX(geometry, to), to: x, part: 'join'}}
}

function laneX({firstLane, lane}: Geometry, slot: number): number {
  return firstLane + slot * lane
}
