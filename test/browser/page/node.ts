// A worker's stand-in for the parts of Node that the kernel suite uses: files of the site, read in one go.

/** The bytes at a URL. */
export function readFileSync(url: URL): Uint8Array<ArrayBuffer> {
  const request = new XMLHttpRequest();
  request.open('GET', url, false);
  request.responseType = 'arraybuffer';
  request.send();
  if (request.status !== 200) throw new Error(`${url.href}: HTTP ${request.status}`);
  return new Uint8Array(request.response as ArrayBuffer);
}

/** A page has no flags. */
export function setFlagsFromString(): void {}
