import {NONE} from '../data/table.ts'
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
  return asked({...choose(state, call), open: revealing(model, state.open, call), sheet: false}, 'centre')
}

export function showView(state: AppState, view: ViewName): AppState {
  return view === state.view ? state : asked({...state, view}, 'centre')
}

export function toggleCall(state: AppState, call: number, isOpen = state.open.calls[call] === 0): AppState {
  return {...state, open: withCall(state.open, call, isOpen)}
}

export function toggleStretch(state: AppState, key: string): AppState {
  return {...state, open: withStretch(state.open, key, !state.open.stretches.has(key))}
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
