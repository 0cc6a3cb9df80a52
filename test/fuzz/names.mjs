/** A name of Python's as it is here. */
export const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
