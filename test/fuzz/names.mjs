/** A name of Python's as it is here. */
export const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

/** Options by the names that they have here. */
export const renamed = (options) =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value]));
