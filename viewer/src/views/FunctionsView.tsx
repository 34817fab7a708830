import {useMemo} from 'preact/hooks'
import {describeFunctions, FUNCTION_COLUMNS, type FunctionColumn, type FunctionOrder} from '../logic/functions.ts'
import type {Model} from '../logic/model.ts'
import {fixedRows} from '../logic/rows.ts'
import {layerTop, visibleRange} from '../logic/virtual.ts'
import type {AppState} from '../state/app.ts'
import {FunctionRow} from './FunctionRow.tsx'
import {useReveal, useScroller} from './hooks.ts'

const NAMES: Record<FunctionColumn, string> = {
  name: 'Function', module: 'Module', calls: 'Calls', total: 'Total', self: 'Self', mean: 'Mean', spread: 'Spread', slowest: 'Slowest', failed: 'Failed',
}
const TITLES: Partial<Record<FunctionColumn, string>> = {
  calls: 'The bar grows with the logarithm', total: 'Against the whole run; the dark part is the function itself', self: 'Without its callees',
  spread: 'Calls by the logarithm of their time; sorted by slowest against mean', failed: 'Calls that ended with an exception',
}
const LEFT = new Set<FunctionColumn>(['name', 'module', 'spread'])
const HEAD = 30

export interface FunctionsViewProps {
  model: Model
  state: AppState
  order: FunctionOrder
  functions: readonly number[]
  narrow: boolean
  onOrder: (column: FunctionColumn) => void
  onChoose: (called: number) => void
}

/** Every function that was called, with exact figures over all calls. */
export function FunctionsView({model, state, order, functions, narrow, onOrder, onChoose}: FunctionsViewProps) {
  const rows = useMemo(() => fixedRows(functions.length, narrow ? 36 : 25), [functions.length, narrow])
  const scroller = useScroller(rows.top[rows.length]! + 24, HEAD)
  const chosen = state.chosen < 0 ? -1 : model.calls.function[state.chosen]!
  useReveal(scroller, rows, functions.indexOf(chosen), state.reveal)
  const {scroll, view} = scroller
  const [from, to] = visibleRange(rows, scroll.rows, view)
  const shown = useMemo(() => describeFunctions(model, functions.slice(from, to)), [model, functions, from, to])
  return (
    <div ref={scroller.ref} class="tbl" onScroll={scroller.onScroll} tabIndex={0} role="grid" aria-label="Functions" aria-rowcount={functions.length + 1}>
      <div style={{height: `${scroller.box + HEAD}px`, position: 'relative'}} role="rowgroup">
        <div class="ft h" role="row">
          {FUNCTION_COLUMNS.map((column) => (
            <span key={column} class={LEFT.has(column) ? '' : 'n'} role="columnheader" title={TITLES[column] ?? ''} aria-sort={order.column !== column ? 'none' : order.down ? 'descending' : 'ascending'}>
              <button onClick={() => onOrder(column)}>{NAMES[column]}{order.column === column ? (order.down ? ' ↓' : ' ↑') : ''}</button>
            </span>
          ))}
        </div>
        <div class="layer" style={{top: `${HEAD + layerTop(scroll, rows, from)}px`}} role="rowgroup">
          {shown.map((item, at) => (
            <FunctionRow key={item.index} item={item} place={from + at} top={rows.top[from + at]! - rows.top[from]!} chosen={item.index === chosen} query={state.hits.query} onChoose={onChoose} />
          ))}
        </div>
      </div>
    </div>
  )
}
