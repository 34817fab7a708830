import {NONE, UNFINISHED} from '../data/table.ts'
import type {Frames} from './frames.ts'
import {columnX, type Geometry} from './geometry.ts'
import {threadOfLane} from './lanes.ts'
import type {Arrow, BarPiece, MapContext, Tone} from './maprow.ts'
import {laneAtEnd, laneAtStart, openRails, type LanePieces, type RailSite} from './rails.ts'
import {ROW, type RowKind} from './rows.ts'

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

export interface Placing {
  /** Bars of one column that can be told apart. */
  readonly levels: number
  row(context: MapContext, kind: RowKind, call: number, extra: number, frames: Frames): DrawnRow
}

/** A label stops before an active bar when this much room is left for it. */
const ENOUGH = 250

/** Places the pieces of rows for one geometry. */
export function placing(geometry: Geometry): Placing {
  const {narrow} = geometry
  const sizes: Sizes = {geometry, half: narrow ? 3 : 4, step: narrow ? 3 : 5, levels: narrow ? 3 : 6}
  return {
    levels: sizes.levels,
    row(context, kind, call, extra, frames) {
      const site: Site = {...sizes, context, frames}
      switch (kind) {
        case ROW.call:
        case ROW.leaf:
        case ROW.equal:
        case ROW.stretch:
          return beginning(site, kind, call, extra)
        case ROW.suspended:
        case ROW.absent:
        case ROW.parallel:
          return between(site, kind, call)
        case ROW.return:
        case ROW.fail:
        case ROW.unfinished:
          return ending(site, kind, call, kind === ROW.fail ? extra : call)
      }
    },
  }
}

interface Sizes {
  readonly geometry: Geometry
  readonly half: number
  readonly step: number
  readonly levels: number
}

/** One row's surroundings. */
type Site = Sizes & RailSite

function beginning(site: Site, kind: RowKind, call: number, extra: number): DrawnRow {
  const {context, frames, geometry, half} = site
  const {columnOf, model: {tree, calls}} = context
  const above = tree.parent[call]!
  const column = columnOf[calls.function[call]!]!
  const callerColumn = above === NONE ? column : columnOf[calls.function[above]!]!
  const edge = centre(site, callerColumn, above === NONE ? 0 : frames.count[callerColumn]! - 1) + half
  const bars = throughBars(site, call, () => true)
  const last = kind === ROW.stretch || kind === ROW.equal ? tree.children[extra - 1]! : call
  const lane = laneAtStart(site, kind, call, last)
  if (kind === ROW.stretch) {
    const x = above === NONE ? columnX(geometry, column) + 8 : edge + 5
    return {...lane, bars, arrow: null, label: labelBox(site, x, 'middle')}
  }

  const target = centre(site, column, frames.count[column]!)
  const isLeaf = kind !== ROW.call
  bars.push({x: target - half, part: isLeaf ? 'leaf' : 'start', tone: !isLeaf && calls.outcome[call] === UNFINISHED ? 'cut' : ''})
  if (above === NONE) {
    const x = geometry.narrow ? 2 : lane.dot
    return {...lane, bars, arrow: {kind: 'call', shape: 'rail', x, width: target - half - x, leftwards: false}, label: labelBox(site, target + half + 6, 'above')}
  }
  const arrowKind = calls.parent[call] === above ? 'call' as const : 'start' as const
  if (callerColumn === column) {
    return {...lane, bars, arrow: {kind: arrowKind, shape: 'self', x: edge, width: geometry.narrow ? 9 : 15, leftwards: false}, label: labelBox(site, edge + 20, 'middle')}
  }
  if (callerColumn < column) {
    return {...lane, bars, arrow: {kind: arrowKind, shape: 'line', x: edge, width: target - half - edge, leftwards: false}, label: labelBox(site, edge + 5, 'above')}
  }
  const x = target + half
  return {...lane, bars, arrow: {kind: arrowKind, shape: 'line', x, width: edge - 2 * half - x, leftwards: true}, label: labelBox(site, x + 6, 'above')}
}

function between(site: Site, kind: RowKind, call: number): DrawnRow {
  const {context, frames, geometry, half, levels} = site
  const rails = openRails(site, kind === ROW.parallel ? context.model.tree.parent[call]! : call)
  if (kind === ROW.parallel) {
    const above = context.model.tree.parent[call]!
    const x = columnX(geometry, context.columnOf[context.model.calls.function[above]!]!)
    const bars = throughBars(site, above, () => true)
    return {rails, dot: -1, branch: null, bars, arrow: null, label: labelBox(site, x + 22, 'middle')}
  }
  if (call === NONE) {
    return {rails, dot: -1, branch: null, bars: throughBars(site, call, () => true), arrow: null, label: labelBox(site, columnX(geometry, 0) + 8, 'middle')}
  }
  const column = context.columnOf[context.model.calls.function[call]!]!
  const own = centre(site, column, frames.count[column]! - 1)
  const ownLevel = Math.min(frames.count[column]!, levels) - 1
  const bars = throughBars(site, call, (c, level) => kind === ROW.absent || c !== column || level !== ownLevel)
  if (kind === ROW.suspended) bars.push({x: own - half, part: 'through', tone: 'waits'})
  return {rails, dot: -1, branch: null, bars, arrow: null, label: labelBox(site, own + half + 6, 'middle')}
}

function ending(site: Site, kind: RowKind, call: number, outermost: number): DrawnRow {
  const {context, frames, geometry, half, step, levels} = site
  const {columnOf, model: {tree, calls}} = context
  const {narrow} = geometry
  const column = columnOf[calls.function[call]!]!
  const own = centre(site, column, frames.count[column]! - 1)
  const ends = endingFrames(context, call, outermost)
  const bars = throughBars(site, call, (c, level) => level < frames.count[c]! - (ends.get(c) ?? 0))
  const tone: Tone = kind === ROW.fail ? 'bad' : kind === ROW.unfinished ? 'cut' : ''
  for (const [c, count] of ends) {
    const total = frames.count[c]!
    for (let level = Math.min(total - count, levels - 1); level < Math.min(total, levels); level++) {
      bars.push({x: centre(site, c, level) - half, part: 'end', tone})
    }
  }
  const lane = laneAtEnd(site, call, outermost)
  const box = (x: number, at: LabelBox['at']) => labelBox(site, x, at, ends)
  const receiver = tree.parent[outermost]!
  if (kind === ROW.unfinished) return {...lane, bars, arrow: null, label: box(own + half + 6, 'middle')}

  const arrowKind = kind === ROW.fail ? 'fail' as const : 'return' as const
  if (receiver === NONE) {
    const x = narrow ? 2 : lane.dot
    return {...lane, bars, arrow: {kind: arrowKind, shape: 'rail', x, width: own - half - x, leftwards: true}, label: box(own + half + 6, 'below')}
  }
  if (calls.parent[outermost] !== receiver) {
    const arrow: Arrow | null = kind === ROW.fail ? {kind: 'fail', shape: 'self', x: own + half, width: narrow ? 12 : 22, leftwards: true} : null
    return {...lane, bars, arrow, label: box(own + half + (arrow === null ? 6 : 30), kind === ROW.fail ? 'middle' : 'below')}
  }
  const receiverColumn = columnOf[calls.function[receiver]!]!
  const to = centre(site, receiverColumn, frames.count[receiverColumn]! - (ends.get(receiverColumn) ?? 0) - 1)
  if (receiverColumn === column) {
    const width = Math.max(own - to, step) + (narrow ? 6 : 10)
    return {...lane, bars, arrow: {kind: arrowKind, shape: 'self', x: to + half, width, leftwards: true}, label: box(to + half + (kind === ROW.fail ? width + 8 : 20), 'middle')}
  }
  if (to < own) {
    const x = to + half
    return {...lane, bars, arrow: {kind: arrowKind, shape: 'line', x, width: own - half - x, leftwards: true}, label: box(x + 5, 'below')}
  }
  const x = own + half
  return {...lane, bars, arrow: {kind: arrowKind, shape: 'line', x, width: to - half - x, leftwards: false}, label: box(x + 6, 'below')}
}

/** How many frames of each column end, from `call` out to `outermost`. */
function endingFrames({columnOf, model: {calls, tree}}: MapContext, call: number, outermost: number): Map<number, number> {
  const ends = new Map<number, number>()
  for (let at = call; ; at = tree.parent[at]!) {
    const column = columnOf[calls.function[at]!]!
    ends.set(column, (ends.get(column) ?? 0) + 1)
    if (at === outermost) return ends
  }
}

function throughBars({context, frames, half, step, levels, geometry}: Site, call: number, keep: (column: number, level: number) => boolean): BarPiece[] {
  const {model} = context
  const lane = call === NONE ? -1 : model.tree.lane[call]!
  const bars: BarPiece[] = []
  for (let column = 0; column < frames.count.length; column++) {
    for (let level = 0; level < Math.min(frames.count[column]!, levels); level++) {
      if (!keep(column, level)) continue
      const other = frames.lanes[column]![level]!
      const waits = lane >= 0 && other !== lane && threadOfLane(model, other) === threadOfLane(model, lane)
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

function centre({geometry, step, levels}: Sizes, column: number, level: number): number {
  return columnX(geometry, column) + Math.min(level, levels - 1) * step
}
