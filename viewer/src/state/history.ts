import type {Model} from '../logic/model.ts'
import type {AppState} from './app.ts'
import {fromFragment, toFragment} from './fragment.ts'
import type {Store} from './store.ts'

/** A held key makes one entry, not one a row. */
const SETTLED_MS = 250

/** Keeps the address and the state the same. Choices and views make entries to go back to; all else replaces. */
export function followAddress(store: Store<AppState>, model: Model, first: AppState, window: Window): void {
  let before = store.get()
  let timer = 0
  const write = () => {
    timer = 0
    const state = store.get()
    const fragment = `#${toFragment(state, first.open)}`
    if (fragment !== window.location.hash && !(window.location.hash === '' && fragment === '#map')) {
      const isStep = state.view !== before.view || state.chosen !== before.chosen
      if (isStep) window.history.pushState(null, '', fragment)
      else window.history.replaceState(null, '', fragment)
    }
    before = state
  }
  const read = () => {
    window.clearTimeout(timer)
    timer = 0
    const {panel, sheet, reveal} = store.get()
    const state = fromFragment(model, first, window.location.hash)
    before = {...state, panel, sheet, reveal: {stamp: reveal.stamp + 1, how: 'centre'}}
    store.set(before)
  }
  store.subscribe(() => {
    if (timer === 0) timer = window.setTimeout(write, SETTLED_MS)
  })
  window.addEventListener('popstate', read)
}
