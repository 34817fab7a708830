import type {ArgumentText, ValueText} from '../logic/label.ts'
import {Marked} from './Marked.tsx'

export function Value({value, query}: {value: ValueText, query: string}) {
  return value.missing ? <span class="gone">{value.text}</span> : <Marked text={value.text} query={query} />
}

/** Arguments of so many characters are not shortened; of others so many are left: `(order=…`. */
const LEAST = 8

/** A short result is not shortened. */
export function resultClass({text}: ValueText): string {
  return text.length <= LEAST ? 'rs whole' : 'rs'
}

/** `(name=value, name=value)` */
export function Arguments({args, query}: {args: readonly ArgumentText[], query: string}) {
  const length = args.reduce((sum, {name, value}, at) => sum + name.length + value.text.length + (at === 0 ? 1 : 3), 2)
  return (
    <span class={length <= LEAST ? 'ar whole' : 'ar'}>
      ({args.map(({name, value}, at) => (
        <span key={at}>{at > 0 && ', '}<i>{name}=</i><Value value={value} query={query} /></span>
      ))})
    </span>
  )
}
