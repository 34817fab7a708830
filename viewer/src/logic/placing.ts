import {NONE} from '../data/table.ts'
import type {Frames} from './frames.ts'
import {columnX, type Geometry} from './geometry.ts'
import type {Arrow, BarPiece, Branch, MapContext, RailPiece, Tone} from './maprow.ts'
import {ROW, type RowKind} from './rows.ts'

/** Where a label may lie. */
export interface LabelBox {
  readonly x: number
  readonly width: number
  readonly at: 'above' | 'below' | 'middle'
}

export interface DrawnRow {
  readonly rails: RailPiece[]
  readonly dot: number
  readonly branch: Branch | null
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
  const half = narrow ? 3 : 4
  const step = narrow ? 3 : 5
  const levels = narrow ? 3 : 6

  const centre = (column: number, level: number) => columnX(geometry, column) + Math.min(level, levels - 1) * step
  const laneX = (slot: number) => geometry.firstLane + slot * geometry.lane

  const through = (context: MapContext, call: number, frames: Frames, keep: (column: number, level: number) => boolean): BarPiece[] => {
    const {model} = context
    const lane = call === NONE ? -1 : model.tree.lane[call]!
    const bars: BarPiece[] = []
    for (let column = 0; column < frames.count.length; column++) {
      const count = frames.count[column]!
      for (let level = 0; level < Math.min(count, levels); level++) {
        if (!keep(column, level)) continue
        const waits = lane >= 0 && isWaiting(context, frames.lanes[column]![level]!, lane)
        bars.push({x: centre(column, level) - half, part: 'through', tone: waits ? 'waits' : ''})
      }
    }
    return bars
  }

  const labelAfter = (x: number, at: LabelBox['at'], context: MapContext, frames: Frames): LabelBox => {
    if (geometry.labels > 0) return {x: geometry.labels, width: geometry.width - geometry.labels - 8, at}
    const right = geometry.width - geometry.took - 14
    let width = right - x
    for (let column = 0; column < frames.count.length; column++) {
      const edge = columnX(context.geometry, column) - half - 3
      if (frames.count[column]! > 0 && edge - x >= ENOUGH) width = Math.min(width, edge - x)
    }
    return {x, width, at}
  }

  const rails = (context: MapContext, call: number, frames: Frames): RailPiece[] => {
    if (narrow) return []
    const {lanes, model} = context
    const own = call === NONE ? -1 : lanes.slot[model.tree.lane[call]!]!
    const slots = new Map<number, boolean>()
    for (const lane of frames.perLane.keys()) slots.set(lanes.slot[lane]!, lanes.slot[lane] !== own)
    return [...slots].map(([slot, waits]) => ({x: laneX(slot), waits, part: 'full' as const}))
  }

  return {
    levels,
    row(context, kind, call, extra, frames) {
      const {model, columnOf} = context
      const {tree, calls} = model
      const column = call === NONE ? 0 : columnOf[calls.function[call]!]!
      const above = call === NONE ? NONE : tree.parent[call]!
      const slotOf = (of: number) => context.lanes.slot[tree.lane[of]!]!
      const base = rails(context, call, frames)

      if (kind === ROW.call || kind === ROW.leaf || kind === ROW.equal || kind === ROW.stretch) {
        const isStretch = kind === ROW.stretch
        const isRoot = above === NONE || calls.parent[call] !== above
        const slot = slotOf(call)
        const from = above === NONE ? NONE : slotOf(above)
        const isBranch = from !== NONE && from !== slot && !narrow
        const hasRail = base.some((rail) => rail.x === laneX(slot))
        const part = above === NONE && kind === ROW.call && !hasRail ? 'begin' as const : 'full' as const
        const row: RailPiece[] = narrow || hasRail || (isBranch && kind !== ROW.call) ? base
          : [...base, {x: laneX(slot), waits: false, part: isBranch ? 'begin' : part}]
        const branch: Branch | null = isBranch ? {from: laneX(from), to: laneX(slot), part: kind === ROW.call ? 'fork' : 'tick'} : null
        const bars = through(context, call, frames, () => true)
        const level = frames.count[column]!
        const target = centre(column, level)
        const callerColumn = above === NONE ? column : columnOf[calls.function[above]!]!
        const caller = centre(callerColumn, above === NONE ? 0 : frames.count[callerColumn]! - 1)
        const edge = caller + half

        if (isStretch) {
          const x = above === NONE ? columnX(geometry, column) + 8 : edge + 5
          return {rails: row, dot: narrow ? -1 : laneX(slot), branch, bars, arrow: null, label: labelAfter(x, 'middle', context, frames)}
        }
        const isLeaf = kind !== ROW.call
        const waiting = !isLeaf && calls.outcome[call] === 3
        bars.push({x: target - half, part: isLeaf ? 'leaf' : 'start', tone: waiting ? 'cut' : ''})
        let arrow: Arrow
        let label: LabelBox
        if (isRoot) {
          const x = narrow ? 2 : laneX(slot)
          arrow = {kind: 'call', shape: 'rail', x, width: target - half - x, leftwards: false}
          label = labelAfter(target + half + 6, 'above', context, frames)
        } else if (callerColumn === column) {
          arrow = {kind: 'call', shape: 'self', x: edge, width: narrow ? 9 : 15, leftwards: false}
          label = labelAfter(edge + 20, 'middle', context, frames)
        } else if (callerColumn < column) {
          arrow = {kind: 'call', shape: 'line', x: edge, width: target - half - edge, leftwards: false}
          label = labelAfter(edge + 5, 'above', context, frames)
        } else {
          const x = target + half
          arrow = {kind: 'call', shape: 'line', x, width: caller - half - x, leftwards: true}
          label = labelAfter(x + 6, 'above', context, frames)
        }
        return {rails: row, dot: narrow ? -1 : laneX(slot), branch, bars, arrow, label}
      }

      if (call === NONE) {
        return {rails: base, dot: -1, branch: null, bars: through(context, call, frames, () => true), arrow: null, label: labelAfter(columnX(geometry, 0) + 8, 'middle', context, frames)}
      }

      const own = centre(column, frames.count[column]! - 1)
      if (kind === ROW.suspended || kind === ROW.absent) {
        const bars = through(context, call, frames, (c, l) => kind === ROW.absent || c !== column || l !== Math.min(frames.count[column]!, levels) - 1)
        if (kind === ROW.suspended) bars.push({x: own - half, part: 'through', tone: 'waits'})
        return {rails: base, dot: -1, branch: null, bars, arrow: null, label: labelAfter(own + half + 6, 'middle', context, frames)}
      }

      const outermost = kind === ROW.fail ? extra : call
      const receiver = tree.parent[outermost]!
      const ending = new Map<number, number>()
      for (let at = call; ; at = tree.parent[at]!) {
        const c = columnOf[calls.function[at]!]!
        ending.set(c, (ending.get(c) ?? 0) + 1)
        if (at === outermost) break
      }
      const stays = (c: number, level: number) => level < frames.count[c]! - (ending.get(c) ?? 0)
      const bars = through(context, call, frames, stays)
      const tone: Tone = kind === ROW.fail ? 'bad' : kind === ROW.unfinished ? 'cut' : ''
      for (const [c, count] of ending) {
        const total = frames.count[c]!
        const first = Math.min(total - count, levels - 1)
        for (let level = first; level < Math.min(total, levels); level++) bars.push({x: centre(c, level) - half, part: 'end', tone})
      }
      const isBranch = receiver !== NONE && slotOf(receiver) !== slotOf(outermost) && !narrow
      const branch: Branch | null = isBranch ? {from: laneX(slotOf(receiver)), to: laneX(slotOf(outermost)), part: 'join'} : null
      const endsRail = receiver === NONE || isBranch
      const railsNow = base.map((rail) => (endsRail && rail.x === laneX(slotOf(outermost)) ? {...rail, part: 'end' as const} : rail))
      const dot = narrow ? -1 : laneX(slotOf(call))
      if (kind === ROW.unfinished) {
        return {rails: railsNow, dot, branch, bars, arrow: null, label: labelAfter(own + half + 6, 'middle', context, frames)}
      }
      const arrowKind = kind === ROW.fail ? 'fail' as const : 'return' as const
      if (receiver === NONE || calls.parent[outermost] !== receiver) {
        const x = narrow ? 2 : laneX(slotOf(outermost))
        const arrow: Arrow = {kind: arrowKind, shape: 'rail', x, width: own - half - x, leftwards: true}
        return {rails: railsNow, dot, branch, bars, arrow, label: labelAfter(own + half + 6, 'below', context, frames)}
      }
      const receiverColumn = columnOf[calls.function[receiver]!]!
      const left = frames.count[receiverColumn]! - (ending.get(receiverColumn) ?? 0) - 1
      const to = centre(receiverColumn, left)
      if (receiverColumn === column) {
        const arrow: Arrow = {kind: arrowKind, shape: 'self', x: to + half, width: Math.max(own - to, step) + (narrow ? 6 : 10), leftwards: true}
        return {rails: railsNow, dot, branch, bars, arrow, label: labelAfter(to + half + (kind === ROW.fail ? 34 : 20), 'middle', context, frames)}
      }
      if (to < own) {
        const x = to + half
        return {rails: railsNow, dot, branch, bars, arrow: {kind: arrowKind, shape: 'line', x, width: own - half - x, leftwards: true}, label: labelAfter(x + 5, 'below', context, frames)}
      }
      const x = own + half
      return {rails: railsNow, dot, branch, bars, arrow: {kind: arrowKind, shape: 'line', x, width: to - half - x, leftwards: false}, label: labelAfter(x + 6, 'below', context, frames)}
    },
  }
}

/** Whether frames of the lane cannot run while `running` runs: another lane of the same thread. */
function isWaiting({model}: MapContext, lane: number, running: number): boolean {
  return lane !== running && threadOf(model, lane) === threadOf(model, running)
}

function threadOf({page, calls, tree}: MapContext['model'], lane: number): number {
  if (lane < page.threads.length) return lane
  const known = taskThreads.get(page) ?? new Map<number, number>()
  taskThreads.set(page, known)
  const cached = known.get(lane)
  if (cached !== undefined) return cached
  const first = tree.lane.indexOf(lane)
  const thread = first < 0 ? -1 : calls.thread[first]!
  known.set(lane, thread)
  return thread
}

const taskThreads = new WeakMap<object, Map<number, number>>()
