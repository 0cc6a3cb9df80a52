// Where the models' folders are, for fromPretrained.

export const dates = new URL('./dates/', import.meta.url);
export const stories = new URL('./stories/', import.meta.url);
export const sentiment = new URL('./sentiment/', import.meta.url);
