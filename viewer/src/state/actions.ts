import {NONE} from '../data/table.ts'
import {LINE, type Line, type MapLines, type MapOpen, type Picking} from '../logic/mapline.ts'
import {revealingOnMap} from '../logic/mapreveal.ts'
import type {Model} from '../logic/model.ts'
import {foldedAll, revealing, withAllBelow, withCall, withStretch} from '../logic/open.ts'
import {isStop, isStretchRow, stretchKey, type RowKind, type Rows} from '../logic/rows.ts'
import {hitFrom, search} from '../logic/search.ts'
import type {AppState, Reveal, ViewName} from './app.ts'

/** Chooses a call where it stands; the view does not move. */
export function choose(state: AppState, call: number): AppState {
  return {...state, chosen: call, cursor: '', missing: -1}
}

/** Chooses a call from elsewhere: opens what hides it and brings it into sight. */
export function goTo(model: Model, state: AppState, call: number): AppState {
  if (call < 0 || call >= model.tree.length) return state
  return asked({...choose(state, call), open: revealing(model, state.open, call), map: state.view === 'map' ? revealingOnMap(model, state.map, call) : state.map, sheet: false}, 'centre')
}

export function showView(model: Model, state: AppState, view: ViewName): AppState {
  if (view === state.view) return state
  const map = view === 'map' && state.chosen >= 0 ? revealingOnMap(model, state.map, state.chosen) : state.map
  return asked({...state, view, map, cursor: ''}, 'centre')
}

export function toggleCall(state: AppState, call: number, isOpen = state.open.calls[call] === 0): AppState {
  return {...state, open: withCall(state.open, call, isOpen)}
}

export function toggleStretch(state: AppState, key: string): AppState {
  return {...state, open: withStretch(state.open, key, !state.open.stretches.has(key))}
}

/** Chooses a row of the map where it stands. A call that this file does not hold is named, not chosen. */
export function chooseLine(model: Model, state: AppState, {call, key, kind}: Pick<Line, 'call' | 'key' | 'kind'>): AppState {
  const isCall = kind !== LINE.block && kind !== LINE.section && kind !== LINE.more && kind !== LINE.note
  if (!isCall || call < 0) return {...state, cursor: key, missing: -1}
  const isHeld = call < model.calls.length
  return {...state, chosen: isHeld ? call : -1, cursor: key.replace(/-[es]$/, ''), missing: isHeld ? -1 : call}
}

/** Opens or folds a row of the map. */
export function toggleLine(state: AppState, key: string): AppState {
  const toggled = new Set(state.map.toggled)
  if (!toggled.delete(key)) toggled.add(key)
  return {...state, map: {...state.map, toggled}}
}

/** Shows an iteration, from 1, or with 0 all of them as one. */
export function pickIteration(state: AppState, {key, total, hasAll}: Picking, at: number): AppState {
  const picks = new Map(state.map.picks)
  const chosen = Math.min(total, Math.max(hasAll ? 0 : 1, at))
  if (chosen === 0) picks.delete(key)
  else picks.set(key, chosen)
  return {...state, map: {...state.map, picks}}
}

/** The iteration so many further on of the innermost loop around the row the keys stand on. */
export function stepIteration(state: AppState, rows: MapLines, by: number): AppState {
  const picking = pickingAt(state, rows)
  if (picking === null) return state
  if (picking.key !== rows.lines[rows.rowOf.get(picking.key) ?? -1]?.block?.key) return state
  return pickIteration(state, picking, Math.max(1, picking.at + by))
}

/** The innermost choice of iterations around the row the keys stand on, or the first of the map. */
export function pickingAt(state: AppState, rows: MapLines): Picking | null {
  const row = mapRowOf(state, rows)
  for (let block = rows.lines[row]?.block ?? null; block !== null; block = block.outer) {
    if (block.picking !== null && block.kind === 'loop' && block.picking.key === block.key) return block.picking
  }
  if (row >= 0) return null
  return rows.lines.find(({block}) => block?.kind === 'loop' && block.picking?.key === block.key)?.block?.picking ?? null
}

/** Row of the map that the keys stand on, or -1. */
export function mapRowOf({cursor, chosen}: AppState, rows: MapLines): number {
  if (cursor !== '') return rows.rowOf.get(cursor) ?? -1
  if (chosen < 0) return -1
  const isCall = ({kind}: Line) => kind === LINE.call || kind === LINE.leaf
  const exact = rows.lines.findIndex((line) => isCall(line) && line.call === chosen && line.times === 1)
  return exact >= 0 ? exact : rows.lines.findIndex((line) => isCall(line) && line.call === chosen)
}

/** Moves over rows of the map that can be chosen. */
export function moveLine(model: Model, state: AppState, rows: MapLines, by: 1 | -1): AppState {
  const here = mapRowOf(state, rows)
  let row = here < 0 ? (by > 0 ? 0 : rows.length - 1) : here + by
  while (row >= 0 && row < rows.length && !isLineStop(rows.lines[row]!)) row += by
  const line = rows.lines[row]
  return line === undefined ? state : asked(chooseLine(model, state, line), 'nearest')
}

export function toLineEnd(model: Model, state: AppState, rows: MapLines, end: 'first' | 'last'): AppState {
  let row = end === 'first' ? 0 : rows.length - 1
  while (row > 0 && !isLineStop(rows.lines[row]!)) row--
  const line = rows.lines[row]
  return line === undefined ? state : asked(chooseLine(model, state, line), 'nearest')
}

/** Opens the row the keys stand on, or goes inside when it is open. */
export function openLine(model: Model, state: AppState, rows: MapLines, all: boolean): AppState {
  const row = mapRowOf(state, rows)
  const line = rows.lines[row]
  if (line === undefined) return moveLine(model, state, rows, 1)
  if (all) return {...state, map: openedBelow(state.map, rows, row)}
  if (line.open === null) return state
  return line.open ? moveLine(model, state, rows, 1) : toggleLine(state, line.key)
}

/** Folds the row the keys stand on, or goes to what it stands in when it is folded. */
export function foldLine(model: Model, state: AppState, rows: MapLines): AppState {
  const row = mapRowOf(state, rows)
  const line = rows.lines[row]
  if (line === undefined) return state
  if (line.open === true) return toggleLine(state, line.key)
  const around = rows.lines.findLastIndex((other, at) => at < row && (other.own !== null && other.own === line.frame && other.kind === LINE.call || other.kind === LINE.block && other.block === line.block))
  return around < 0 ? state : asked(chooseLine(model, state, rows.lines[around]!), 'nearest')
}

/** Folds the outermost rows of the map. */
export function foldMap(state: AppState, rows: MapLines): AppState {
  const toggled = new Set(state.map.toggled)
  for (const {key, open, frame, kind} of rows.lines) {
    if (frame === null && kind === LINE.call && open === true && !toggled.delete(key)) toggled.add(key)
  }
  return asked({...state, map: {...state.map, toggled}, cursor: ''}, 'nearest')
}

/** Rows that are opened together at most. */
const OPENED_TOGETHER = 500

/** Opens a closed row, or all closed rows inside it. */
function openedBelow(map: MapOpen, rows: MapLines, row: number): MapOpen {
  const line = rows.lines[row]!
  const toggled = new Set(map.toggled)
  const add = (key: string) => toggled.delete(key) || toggled.add(key)
  if (line.open === false) add(line.key)
  let opened = 0
  for (let at = row + 1; at < rows.length && rows.lines[at]!.level > line.level && opened < OPENED_TOGETHER; at++) {
    if (rows.lines[at]!.open !== false) continue
    add(rows.lines[at]!.key)
    opened++
  }
  return {...map, toggled}
}

function isLineStop({kind}: Line): boolean {
  return kind === LINE.call || kind === LINE.leaf || kind === LINE.more || kind === LINE.block
}

export function foldAll(model: Model, state: AppState): AppState {
  return asked({...state, open: foldedAll(model), cursor: ''}, 'nearest')
}

export function find(model: Model, state: AppState, query: string): AppState {
  const hits = search(model, query)
  return {...state, query, hits, hit: -1}
}

/** To the next hit after the chosen call, or the one before it; around at the ends. */
export function stepHit(model: Model, state: AppState, by: 1 | -1): AppState {
  const {hits, hit, chosen} = state
  const total = hits.calls.length
  if (total === 0) return state
  const from = hit < 0 ? hitFrom(hits, Math.max(0, chosen)) + (by > 0 ? 0 : -1) : hit + by
  const next = (from + total) % total
  return {...goTo(model, state, hits.calls[next]!), hit: next}
}

export function stepFailure(model: Model, state: AppState, by: 1 | -1): AppState {
  const {origins} = model
  if (origins.length === 0) return state
  const later = origins.findIndex((call) => call > state.chosen)
  const after = later < 0 ? origins.length : later
  const stands = origins[after - 1] === state.chosen ? after - 1 : -1
  const next = by > 0 ? after : (stands < 0 ? after : stands) - 1
  return goTo(model, state, origins[(next + origins.length) % origins.length]!)
}

export function toCaller(model: Model, state: AppState): AppState {
  const above = state.chosen < 0 ? NONE : model.tree.parent[state.chosen]!
  return above === NONE ? state : asked({...choose(state, above)}, 'nearest')
}

/** Moves over rows that can be chosen. */
export function moveRow(model: Model, state: AppState, rows: Rows, by: 1 | -1): AppState {
  const here = rowOf(model, state, rows)
  let row = here < 0 ? (by > 0 ? 0 : rows.length - 1) : here + by
  while (row >= 0 && row < rows.length && !isStop(rows.kind[row]! as RowKind)) row += by
  return row < 0 || row >= rows.length ? state : standOn(model, state, rows, row)
}

export function toEnd(model: Model, state: AppState, rows: Rows, end: 'first' | 'last'): AppState {
  let row = end === 'first' ? 0 : rows.length - 1
  while (row > 0 && !isStop(rows.kind[row]! as RowKind)) row--
  return rows.length === 0 ? state : standOn(model, state, rows, row)
}

/** Opens what the keys stand on, or goes inside when it is open. */
export function openHere(model: Model, state: AppState, rows: Rows, all: boolean): AppState {
  if (state.cursor !== '') return state.open.stretches.has(state.cursor) ? moveRow(model, state, rows, 1) : toggleStretch(state, state.cursor)
  const {chosen} = state
  if (chosen < 0) return moveRow(model, state, rows, 1)
  if (model.tree.below[chosen] === 0) return state
  if (all) return {...state, open: withAllBelow(model, state.open, chosen, true)}
  return state.open.calls[chosen] === 1 ? moveRow(model, state, rows, 1) : toggleCall(state, chosen, true)
}

/** Folds what the keys stand on, or goes to its caller when it is folded. */
export function foldHere(model: Model, state: AppState, all: boolean): AppState {
  if (state.cursor !== '' && state.open.stretches.has(state.cursor)) return toggleStretch(state, state.cursor)
  const {chosen} = state
  if (chosen < 0) return state
  if (all) return {...state, open: withAllBelow(model, state.open, chosen, false)}
  if (state.cursor === '' && state.open.calls[chosen] === 1) return toggleCall(state, chosen, false)
  return toCaller(model, state)
}

/** Row the keys stand on, or -1. A stretch is chosen together with its first call. */
export function rowOf(model: Model, state: AppState, rows: Rows): number {
  for (let row = rows.call.indexOf(state.chosen); row >= 0; row = rows.call.indexOf(state.chosen, row + 1)) {
    if (isStop(rows.kind[row]! as RowKind) && keyAt(model, rows, row) === state.cursor) return row
  }
  return -1
}

export function asked(state: AppState, how: Reveal['how']): AppState {
  return {...state, reveal: {stamp: state.reveal.stamp + 1, how}}
}

function standOn(model: Model, state: AppState, rows: Rows, row: number): AppState {
  const key = keyAt(model, rows, row)
  return asked({...state, chosen: rows.call[row]!, cursor: key}, 'nearest')
}

/** Key of a stretch row, '' for a call's. */
function keyAt(model: Model, rows: Rows, row: number): string {
  const isStretch = isStretchRow(rows.kind[row]! as RowKind)
  return isStretch ? stretchKey(model.tree.position[rows.call[row]!]!, rows.extra[row]!) : ''
}
