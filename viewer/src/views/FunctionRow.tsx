import {barsPath} from '../draw/bars.ts'
import type {FunctionView} from '../logic/functions.ts'
import {Marked} from './Marked.tsx'

export interface FunctionRowProps {
  item: FunctionView
  place: number
  top: number
  chosen: boolean
  query: string
  onChoose: (called: number) => void
}

export function FunctionRow({item, place, top, chosen, query, onChoose}: FunctionRowProps) {
  return (
    <div class={chosen ? 'ft f sel' : 'ft f'} style={{top: `${top}px`}} role="row" aria-rowindex={place + 2} aria-selected={chosen} onClick={() => onChoose(item.index)}>
      <span class="fn" role="gridcell" title={item.isHeld ? item.whole : `${item.whole}: none of its calls is in this file`}><b><Marked text={item.name} query={query} /></b>{item.note !== '' && <span class="mut"> {item.note}</span>}</span>
      <span class="md" role="gridcell" title={item.module}><bdi>{item.module}</bdi></span>
      <span class="cb" role="gridcell"><i style={{'--w': `${item.callsShare}%`}} /><span>{item.calls}</span></span>
      <span class="hb" role="gridcell"><i style={{'--t': `${item.totalShare}%`, '--s': `${item.selfShare}%`}} /><span>{item.total}</span></span>
      <span class="n" role="gridcell">{item.self}</span>
      <span class="n lo" role="gridcell">{item.mean}</span>
      <span role="gridcell">{item.spread.length > 0 && <svg class="spk" viewBox="0 0 92 17" aria-hidden="true"><path d={barsPath(item.spread, 92, 17, 1, 0.6)} /></svg>}</span>
      <span class="n lo" role="gridcell">{item.slowest}</span>
      <span class={item.hasFailed ? 'n red' : 'n lo'} role="gridcell">{item.failed}</span>
    </div>
  )
}
