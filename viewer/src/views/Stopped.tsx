/** Nothing can be shown: what happened and what to do. */
export function Stopped({title, text}: {title: string, text: string}) {
  return <main class="stopped"><div class="empty"><h2>{title}</h2><p>{text}</p></div></main>
}
