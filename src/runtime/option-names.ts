// Options are checked by name, since a misspelt one would be ignored.

/** @param known names, with spaces between
 *  @throws INVALID_ARGUMENT, which says what was meant */
export async function checkNames(options: unknown, known: string): Promise<void> {
  const names = known.split(' ');
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  if (isObject && Object.keys(options).every((name) => names.includes(name))) return;
  const error = (await import('../spelling')).misspelt(options, names);
  if (error) throw error;
}
