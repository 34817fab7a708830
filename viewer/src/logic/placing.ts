import {framesOf, type Frames} from './frames.ts'
import {columnX, type Geometry} from './geometry.ts'
import {threadOfLane} from './lanes.ts'
import {LINE, type Frame, type Line} from './mapline.ts'
import type {Arrow, BarPiece, MapContext, Tone} from './maprow.ts'
import {laneAtEnd, laneAtStart, openRails, type LanePieces} from './rails.ts'
import {UNFINISHED} from '../data/table.ts'

/** Where a label may lie. */
export interface LabelBox {
  readonly x: number
  readonly width: number
  readonly at: 'above' | 'below' | 'middle'
}

export interface DrawnRow extends LanePieces {
  readonly bars: BarPiece[]
  readonly arrow: Arrow | null
  readonly label: LabelBox
}

/** A label stops before an active bar when this much room is left for it. */
const ENOUGH = 250
/** A longer arrow to the left may begin where its label would be out of sight. */
const FAR = 520

/** One row's surroundings. */
interface Site {
  readonly context: MapContext
  readonly geometry: Geometry
  /** Calls open in the row. */
  readonly frames: Frames
  readonly half: number
  readonly step: number
  /** Bars of one column that can be told apart. */
  readonly levels: number
}

/** Places the pieces of a row. */
export function placed(context: MapContext, line: Line): DrawnRow {
  const {geometry, columnOf, columns} = context
  const {narrow} = geometry
  const levels = narrow ? 3 : 6
  const isEnd = line.kind === LINE.return || line.kind === LINE.fail || line.kind === LINE.unfinished || line.kind === LINE.suspended
  const site: Site = {context, geometry, frames: framesOf(isEnd ? line.own : line.frame, columnOf, columns, levels, context.known), half: narrow ? 3 : 4, step: narrow ? 3 : 5, levels}
  if (line.kind === LINE.call || line.kind === LINE.leaf) return beginning(site, line)
  return isEnd ? ending(site, line) : between(site, line)
}

function beginning(site: Site, line: Line): DrawnRow {
  const {context, frames, geometry, half} = site
  const {columnOf} = context
  const above = line.frame
  const column = columnOf[line.fn]!
  const bars = throughBars(site, line.lane)
  const lane = laneAtStart(context, frames, line)
  const isLeaf = line.kind === LINE.leaf
  const target = centre(site, column, frames.count[column]!)
  bars.push({x: target - half, part: isLeaf ? 'leaf' : 'start', tone: !isLeaf && line.outcome === UNFINISHED ? 'cut' : ''})
  const starter = above === null && line.creator >= 0 ? columnOf[line.creator]! : -1
  if (above === null && (starter < 0 || starter === column)) {
    const x = geometry.narrow ? 2 : lane.dot
    return {...lane, bars, arrow: {kind: 'call', shape: 'rail', x, width: target - half - x, leftwards: false}, label: labelBox(site, target + half + 6, 'above')}
  }
  const callerColumn = above === null ? starter : columnOf[above.fn]!
  const edge = above === null ? columnX(geometry, starter) : centre(site, callerColumn, frames.count[callerColumn]! - 1) + half
  const kind = above === null || above.lane !== line.lane ? 'start' as const : 'call' as const
  if (callerColumn === column) {
    return {...lane, bars, arrow: {kind, shape: 'self', x: edge, width: geometry.narrow ? 9 : 15, leftwards: false}, label: labelBox(site, edge + 20, 'middle')}
  }
  if (callerColumn < column) {
    return {...lane, bars, arrow: {kind, shape: 'line', x: edge, width: target - half - edge, leftwards: false}, label: labelBox(site, edge + 5, 'above')}
  }
  const x = target + half
  // Beside the arrow, or, where it is short or long, behind the bar that it leaves.
  const width = edge - 2 * half - x
  const left = width >= ENOUGH && width <= FAR ? x + 6 : edge + 5
  return {...lane, bars, arrow: {kind, shape: 'line', x, width, leftwards: true}, label: labelBox(site, left, 'above')}
}

function between(site: Site, line: Line): DrawnRow {
  const {context, frames, geometry, half} = site
  const column = line.frame === null ? 0 : context.columnOf[line.frame.fn]!
  const edge = centre(site, column, Math.max(0, frames.count[column]! - 1)) + half
  const isHead = line.kind === LINE.block || line.kind === LINE.section
  const x = line.block !== null && isHead ? blockX(context, line) + (geometry.narrow ? 6 : 12) : edge + 5
  const rails = openRails(context, frames, line.lane)
  return {rails, dot: -1, branch: null, bars: throughBars(site, line.lane), arrow: null, label: labelBox(site, isHead ? Math.max(x, edge + 6) : x, 'middle')}
}

/** Left edge of the innermost block's frame. */
export function blockX({geometry, columnOf}: MapContext, {block}: Line): number {
  if (block === null || geometry.narrow) return 2 + (block?.depth ?? 0) * 3
  const column = block.frame === null ? 0 : columnOf[block.frame.fn]!
  return columnX(geometry, column) - 16 + Math.min(block.depth, 5) * 3
}

function ending(site: Site, line: Line): DrawnRow {
  const {context, frames, geometry, half, step, levels} = site
  const {columnOf} = context
  const {narrow} = geometry
  const own = line.own!
  const outermost = line.last ?? own
  const column = columnOf[own.fn]!
  const x = centre(site, column, frames.count[column]! - 1)
  if (line.kind === LINE.suspended) {
    const ownLevel = Math.min(frames.count[column]!, levels) - 1
    const bars = throughBars(site, own.lane, (c, level) => c !== column || level !== ownLevel)
    bars.push({x: x - half, part: 'through', tone: 'waits'})
    return {rails: openRails(context, frames, own.lane), dot: -1, branch: null, bars, arrow: null, label: labelBox(site, x + half + 6, 'middle')}
  }
  const ends = endingFrames(columnOf, own, outermost)
  const bars = throughBars(site, own.lane, (c, level) => level < frames.count[c]! - (ends.get(c) ?? 0))
  const tone: Tone = line.kind === LINE.fail ? 'bad' : line.kind === LINE.unfinished ? 'cut' : ''
  for (const [c, count] of ends) {
    const total = frames.count[c]!
    for (let level = Math.min(total - count, levels - 1); level < Math.min(total, levels); level++) {
      bars.push({x: centre(site, c, level) - half, part: 'end', tone})
    }
  }
  const lane = laneAtEnd(context, frames, own, outermost)
  const box = (left: number, at: LabelBox['at']) => labelBox(site, left, at, ends)
  const receiver = outermost.above
  if (line.kind === LINE.unfinished) return {...lane, bars, arrow: null, label: box(x + half + 6, 'middle')}

  const kind = line.kind === LINE.fail ? 'fail' as const : 'return' as const
  if (receiver === null) {
    const left = narrow ? 2 : lane.dot
    return {...lane, bars, arrow: {kind, shape: 'rail', x: left, width: x - half - left, leftwards: true}, label: box(x + half + 6, 'below')}
  }
  const receiverColumn = columnOf[receiver.fn]!
  const to = centre(site, receiverColumn, frames.count[receiverColumn]! - (ends.get(receiverColumn) ?? 0) - 1)
  if (receiverColumn === column) {
    const width = Math.max(x - to, step) + (narrow ? 6 : 10)
    return {...lane, bars, arrow: {kind, shape: 'self', x: to + half, width, leftwards: true}, label: box(to + half + (kind === 'fail' ? width + 8 : 20), 'middle')}
  }
  if (to < x) {
    const left = to + half
    return {...lane, bars, arrow: {kind, shape: 'line', x: left, width: x - half - left, leftwards: true}, label: box(left + 5, 'below')}
  }
  const left = x + half
  const width = to - half - left
  return {...lane, bars, arrow: {kind, shape: 'line', x: left, width, leftwards: false}, label: box(width >= ENOUGH && width <= FAR ? left + 6 : to + half + 5, 'below')}
}

/** How many calls of each column end, from one out to the outermost. */
function endingFrames(columnOf: Uint16Array, from: Frame, outermost: Frame): Map<number, number> {
  const ends = new Map<number, number>()
  for (let frame: Frame | null = from; frame !== null; frame = frame.above) {
    const column = columnOf[frame.fn]!
    ends.set(column, (ends.get(column) ?? 0) + 1)
    if (frame === outermost) break
  }
  return ends
}

function throughBars({context, frames, half, step, levels, geometry}: Site, lane: number, keep: (column: number, level: number) => boolean = () => true): BarPiece[] {
  const {model} = context
  const bars: BarPiece[] = []
  for (let column = 0; column < frames.count.length; column++) {
    for (let level = 0; level < Math.min(frames.count[column]!, levels); level++) {
      if (!keep(column, level)) continue
      const other = frames.lanes[column]![level]!
      const waits = other !== lane && threadOfLane(model, other) === threadOfLane(model, lane)
      bars.push({x: columnX(geometry, column) + level * step - half, part: 'through', tone: waits ? 'waits' : ''})
    }
  }
  return bars
}

function labelBox({geometry, frames, half}: Site, x: number, at: LabelBox['at'], ends?: ReadonlyMap<number, number>): LabelBox {
  if (geometry.labels > 0) return {x: geometry.labels, width: geometry.width - geometry.labels - 8, at}
  let width = geometry.width - geometry.took - 14 - x
  for (let column = 0; column < frames.count.length; column++) {
    const edge = columnX(geometry, column) - half - 3
    const active = frames.count[column]! - (ends?.get(column) ?? 0)
    if (active > 0 && edge - x >= ENOUGH) width = Math.min(width, edge - x)
  }
  return {x, width, at}
}

function centre({geometry, step, levels}: Site, column: number, level: number): number {
  return columnX(geometry, column) + Math.min(level, levels - 1) * step
}
