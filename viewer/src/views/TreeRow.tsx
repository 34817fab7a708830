import type {TreeRowView} from '../logic/treerow.ts'
import {Marked} from './Marked.tsx'
import {Arguments, resultClass, Value} from './Value.tsx'

export interface TreeRowProps {
  row: TreeRowView
  /** Top of the first row kept. */
  origin: number
  query: string
  onChoose: (row: TreeRowView) => void
  onToggle: (row: TreeRowView) => void
}

/** One call with its values and times. */
export function TreeRow({row, origin, query, onChoose, onToggle}: TreeRowProps) {
  return (
    <div
      id={`row-${row.key}`} class={row.chosen ? 'tr sel' : 'tr'} style={{top: `${row.top - origin}px`}}
      role="treeitem" aria-level={row.level} aria-selected={row.chosen} aria-label={row.spoken} {...(row.expanded === null ? {} : {'aria-expanded': row.expanded})}
      onClick={() => onChoose(row)} onDblClick={() => onToggle(row)}
    >
      <span class="tn">
        {Array.from({length: row.guides}, (_, at) => <i key={at} class="g" />)}
        {row.depthNote !== '' && <span class="deep">{row.depthNote} deep</span>}
        {row.expanded === null ? <span class="tw" /> : (
          <button class="tw" tabIndex={-1} aria-label={row.expanded ? 'Fold' : 'Open'} onClick={(event) => {
            event.stopPropagation()
            onToggle(row)
          }} onDblClick={(event) => event.stopPropagation()}>{row.expanded ? '▾' : '▸'}</button>
        )}
        {row.module !== '' && <span class={row.name === '<module>' ? 'md only' : 'md'}>{row.module}</span>}
        {row.name !== '' && <b><Marked text={row.name} query={query} /></b>}
        {row.args !== null && <Arguments args={row.args} query={query} />}
        {row.result !== null && <span class={resultClass(row.result)}><Value value={row.result} query={query} /></span>}
        {row.times !== '' && <span class="times">{row.times}</span>}
        {row.hits !== '' && <span class="found">{row.hits}</span>}
        {row.failure !== '' && <span class="er"> × <Marked text={row.failure} query={query} /></span>}
        {row.note !== '' && (row.hatched ? <span class="tx gone">{row.note}</span> : <span class="tx"><span>{row.note}</span></span>)}
      </span>
      <span class={row.expanded === null ? 'n lo' : 'n'}>{row.calls}</span>
      <span class="hb">
        {row.total === '' ? <i style={{visibility: 'hidden'}} /> : <i style={{'--t': `${row.totalShare}%`, '--s': `${row.selfShare}%`}} />}
        <span>{row.total}</span>
      </span>
      <span class="n lo">{row.self}</span>
      <span class="n lo">{row.at}</span>
    </div>
  )
}
