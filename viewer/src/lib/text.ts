/** Characters that would be invisible or reorder a row. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g
const NAMED: Record<string, string> = {'\0': '\\0', '\n': '\\n', '\r': '\\r', '\t': '\\t'}

/** The text with its control characters made visible: `\0`, `\n`, `\x1b`, `\u202e`. */
export function visible(text: string): string {
  return text.replace(HIDDEN, escapeOne)
}

/** As `visible`, but keeps line breaks: for places that show several lines. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n')
}

/** At most `limit` characters; a cut is marked. */
export function clip(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`
}

/** `CardDeclined` of `CardDeclined: insufficient funds`. */
export function exceptionType(text: string): string {
  const colon = text.indexOf(': ')
  return colon < 0 ? text : text.slice(0, colon)
}

/** Last part of a path with either separator. */
export function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}

const LOCALS = '.<locals>.'

/** What a function is called by in the place where it stands: `<genexpr>` of `total.<locals>.<genexpr>`. */
export function localName(qualified: string): string {
  const at = qualified.lastIndexOf(LOCALS)
  return at < 0 ? qualified : qualified.slice(at + LOCALS.length)
}

/** The functions around a local one, `total.`, or ''. */
export function outerNames(qualified: string): string {
  const at = qualified.lastIndexOf(LOCALS)
  return at < 0 ? '' : `${plainName(qualified.slice(0, at))}.`
}

/** A qualified name without the marks of locals: `total.<genexpr>`. */
export function plainName(qualified: string): string {
  return qualified.replaceAll(LOCALS, '.')
}

/** Name of a file; with its folder where many bear it: `sqlglot/__init__.py`. */
export function fileLabel(path: string): string {
  const name = fileName(path)
  if (name !== '__init__.py' && name !== '__main__.py') return name
  const folder = fileName(path.slice(0, Math.max(0, path.length - name.length - 1)))
  return folder === '' ? name : `${folder}/${name}`
}

/** Last part of a dotted name. */
export function lastPart(dotted: string): string {
  return dotted.slice(dotted.lastIndexOf('.') + 1)
}

function escapeOne(char: string): string {
  const code = char.charCodeAt(0)
  return NAMED[char] ?? (code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`)
}
