import type {MapLabel as Label} from '../logic/maprow.ts'
import {Marked} from './Marked.tsx'
import {Arguments, resultClass, Value} from './Value.tsx'

/** The words of one message on the map. */
export function MapLabel({label, share, query, onPill}: {label: Label, share: number, query: string, onPill: () => void}) {
  const {pill} = label
  const classes = ['lb', label.at, label.isTight ? 'tight' : '', pill === null ? '' : 'pilled', pill !== null && pill.text !== '' && label.name !== '' ? 'folds' : ''].filter(Boolean).join(' ')
  const isAlone = label.name === '' && label.failure === ''
  return (
    <span class={classes} style={{left: `${label.x}px`, maxWidth: `${label.width}px`}} title={titleOf(label)}>
      {pill !== null && label.name === '' && <PillButton pill={pill} onPill={onPill} />}
      {label.head !== '' && <b class="head">{label.head}</b>}
      {share >= 0 && <i class="share" style={{'--w': `${Math.max(2, share * 100)}%`}} />}
      {label.module !== '' && <span class="mo">{label.module}</span>}
      {label.name !== '' && <b><Marked text={label.name} query={query} /></b>}
      {label.args !== null && <Arguments args={label.args} query={query} />}
      {label.result !== null && <span class={resultClass(label.result)}><Value value={label.result} query={query} /></span>}
      {label.failure !== '' && <span class="er">× <Marked text={label.failure} query={query} /></span>}
      {label.times !== '' && <span class="times">{label.times}</span>}
      {pill !== null && label.name !== '' && <PillButton pill={pill} isBrief onPill={onPill} />}
      {label.note !== '' && <span class={label.hatched ? 'tx gone' : isAlone ? 'tx alone' : label.isLane ? 'tx lane' : 'tx'}>{label.note}</span>}
    </span>
  )
}

function PillButton({pill, isBrief = false, onPill}: {pill: NonNullable<Label['pill']>, isBrief?: boolean, onPill: () => void}) {
  return (
    <button
      class={pill.text === '' ? (isBrief ? 'fold bare quiet' : 'fold bare') : isBrief ? 'fold brief' : 'fold'} tabIndex={-1} aria-expanded={pill.open} title={`${pill.title}: ${pill.open ? 'fold' : 'open'}`}
      onClick={(event) => {
        event.stopPropagation()
        onPill()
      }}
    >
      {pill.text}{pill.failures !== '' && <span class="red">{pill.failures}</span>}{pill.hits !== '' && <span class="found">{pill.hits}</span>}
    </button>
  )
}

/** The whole text, for what does not fit. */
function titleOf({module, outer, name, args, result, failure, head, note}: Label): string {
  const call = name === '' ? '' : `${module}${outer}${name}${args === null ? '' : `(${args.map((arg) => `${arg.name}=${arg.value.whole ?? arg.value.text}`).join(', ')})`}`
  const end = result === null ? '' : ` → ${result.whole ?? result.text}`
  return [head, `${call}${end}`, failure === '' ? '' : `× ${failure}`, note].filter(Boolean).join('\n')
}
