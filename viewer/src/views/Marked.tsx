import {markParts} from '../logic/search.ts'

/** A text with the parts that match the search marked, isolated from the text around it. */
export function Marked({text, query}: {text: string, query: string}) {
  if (query === '') return <bdi>{text}</bdi>
  return <bdi>{markParts(text, query).map(({text: part, hit}, at) => (hit ? <span key={at} class="hit">{part}</span> : part))}</bdi>
}
