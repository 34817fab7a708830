import type {Model} from '../logic/model.ts'
import type {MapLines} from '../logic/mapline.ts'
import type {Rows} from '../logic/rows.ts'
import {choose, foldHere, foldLine, moveLine, moveRow, openHere, openLine, showView, stepFailure, stepHit, stepIteration, toCaller, toEnd, toggleStretch, toLineEnd, asked} from './actions.ts'
import {VIEWS, type AppState} from './app.ts'

export interface KeyPress {
  readonly key: string
  readonly shift: boolean
}

export interface KeyContext {
  readonly model: Model
  readonly rows: Rows
  /** Rows of the map, while it is shown. */
  readonly map: MapLines | null
  /** Functions in the order of the table. */
  readonly functions: readonly number[]
}

/** The state after a key, or null when the key means nothing here. */
export function afterKey(state: AppState, press: KeyPress, context: KeyContext): AppState | null {
  const {key, shift} = press
  const {model, rows, map, functions} = context
  if (map !== null) {
    const next = onMap(state, press, model, map)
    if (next !== undefined) return next
  }
  const inTable = state.view === 'functions'
  switch (key) {
    case '1':
    case '2':
    case '3':
      return showView(model, state, VIEWS[Number(key) - 1]!)
    case 'j':
    case 'ArrowDown':
      return inTable ? moveFunction(model, state, functions, 1) : moveRow(model, state, rows, 1)
    case 'k':
    case 'ArrowUp':
      return inTable ? moveFunction(model, state, functions, -1) : moveRow(model, state, rows, -1)
    case 'ArrowRight':
      return inTable ? null : openHere(model, state, rows, shift)
    case 'ArrowLeft':
      return inTable ? null : foldHere(model, state, shift)
    case 'Enter':
      return inTable ? null : state.cursor === '' ? openHere(model, state, rows, false) : toggleStretch(state, state.cursor)
    case 'Home':
      return inTable ? moveFunction(model, state, functions.slice(0, 1), 1) : toEnd(model, state, rows, 'first')
    case 'End':
      return inTable ? moveFunction(model, state, functions.slice(-1), 1) : toEnd(model, state, rows, 'last')
    case 'c':
      return toCaller(model, state)
    case 'e':
      return stepFailure(model, state, 1)
    case 'E':
      return stepFailure(model, state, -1)
    case 'n':
      return stepHit(model, state, 1)
    case 'N':
      return stepHit(model, state, -1)
    case 'p':
      return {...state, panel: !state.panel, sheet: !state.sheet}
    case '?':
      return {...state, dialog: 'keys'}
    case 'Escape':
      return escaped(state)
    default:
      return null
  }
}

/** The state after a key of the map; undefined when it is a key of the page. */
function onMap(state: AppState, {key, shift}: KeyPress, model: Model, rows: MapLines): AppState | undefined {
  switch (key) {
    case 'j':
    case 'ArrowDown':
      return moveLine(model, state, rows, 1)
    case 'k':
    case 'ArrowUp':
      return moveLine(model, state, rows, -1)
    case 'ArrowRight':
    case 'Enter':
      return openLine(model, state, rows, shift)
    case 'ArrowLeft':
      return foldLine(model, state, rows)
    case 'Home':
      return toLineEnd(model, state, rows, 'first')
    case 'End':
      return toLineEnd(model, state, rows, 'last')
    case '[':
      return stepIteration(state, rows, -1)
    case ']':
      return stepIteration(state, rows, 1)
    default:
      return undefined
  }
}

/** The other theme than the one on the screen. */
export function otherTheme(state: AppState, isDark: boolean): AppState {
  return {...state, theme: isDark ? 'light' : 'dark'}
}

/** Chooses the first held call of a function. */
export function chooseFunction(model: Model, state: AppState, called: number): AppState {
  const from = model.byFunctionStart[called]!
  return from === model.byFunctionStart[called + 1]! ? state : choose(state, model.byFunction[from]!)
}

function escaped(state: AppState): AppState {
  if (state.dialog !== '') return {...state, dialog: ''}
  if (state.sheet) return {...state, sheet: false}
  if (state.chosen >= 0) return {...state, chosen: -1, cursor: ''}
  return state
}

function moveFunction(model: Model, state: AppState, functions: readonly number[], by: 1 | -1): AppState {
  const held = functions.filter((called) => model.byFunctionStart[called] !== model.byFunctionStart[called + 1])
  const here = state.chosen < 0 ? -1 : held.indexOf(model.calls.function[state.chosen]!)
  const next = here < 0 ? (by > 0 ? 0 : held.length - 1) : here + by
  const called = held[next]
  return called === undefined ? state : asked(chooseFunction(model, state, called), 'nearest')
}
