import type {ArgumentText, ValueText} from '../logic/label.ts'
import {Marked} from './Marked.tsx'

export function Value({value, query}: {value: ValueText, query: string}) {
  return value.missing ? <span class="gone">{value.text}</span> : <Marked text={value.text} query={query} />
}

/** `(name=value, name=value)` */
export function Arguments({args, query}: {args: readonly ArgumentText[], query: string}) {
  return (
    <span class="ar">
      ({args.map(({name, value}, at) => (
        <span key={at}>{at > 0 && ', '}<i>{name}=</i><Value value={value} query={query} /></span>
      ))})
    </span>
  )
}
