// URLs of the models' folders, as fromPretrained of wasmformer takes them.

/** A Transformer (encoder-decoder): dates as people write them in English, German, French and Spanish, into ISO 8601. */
export const dates: URL;
/** A Decoder: very short stories. */
export const stories: URL;
/** An Encoder: whether a text is glad or sad. */
export const sentiment: URL;
