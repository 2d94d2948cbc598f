/** Width and height of a picture by its header, so that a huge one is refused before it is decoded. */

type Size = [number, number];

/** Pieces of a JPEG file that are looked through before its size; cameras write some dozens. */
const MOST_SEGMENTS = 2000;

/** What a file's first bytes say; null for kinds that are not known here, and for damaged files. */
export async function pictureSize(file: Blob): Promise<Size | null> {
  const start = await bytes(file, 0, 4096);
  try {
    if (start.getUint32(0) === 0x89504e47) return [start.getUint32(16), start.getUint32(20)];
    if (text(start, 0, 4) === "GIF8") return [start.getUint16(6, true), start.getUint16(8, true)];
    if (text(start, 0, 2) === "BM") return sizeOfBmp(start);
    if (text(start, 0, 4) === "RIFF" && text(start, 8, 4) === "WEBP") return sizeOfWebp(start);
    if (text(start, 4, 4) === "ftyp") return sizeOfAvif(start);
    if (start.getUint16(0) === 0xffd8) return await sizeOfJpeg(file);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // The file ends within its header.
  }
  return null;
}

async function bytes(file: Blob, from: number, count: number): Promise<DataView> {
  return new DataView(await file.slice(from, from + count).arrayBuffer());
}

function text(view: DataView, from: number, count: number): string {
  return String.fromCharCode(...Array.from({ length: count }, (_, n) => view.getUint8(from + n)));
}

/** The oldest header has 16 bits a side; in all others, a negative height is one from the top. */
function sizeOfBmp(view: DataView): Size {
  if (view.getUint32(14, true) === 12) return [view.getUint16(18, true), view.getUint16(20, true)];
  return [Math.abs(view.getInt32(18, true)), Math.abs(view.getInt32(22, true))];
}

function sizeOfWebp(view: DataView): Size | null {
  const kind = text(view, 12, 4);
  const three = (at: number) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  if (kind === "VP8X") return [three(24) + 1, three(27) + 1];
  if (kind === "VP8 ") return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  if (kind !== "VP8L") return null;
  const packed = view.getUint32(21, true);
  return [(packed & 0x3fff) + 1, ((packed >>> 14) & 0x3fff) + 1];
}

/** The largest of the sizes of the picture and its tiles. */
function sizeOfAvif(view: DataView): Size | null {
  let largest: Size | null = null;
  for (let at = 0; at + 16 <= view.byteLength; at += 1) {
    if (view.getUint32(at) !== 0x69737065) continue; // "ispe"
    const size: Size = [view.getUint32(at + 8), view.getUint32(at + 12)];
    if (!largest || size[0] * size[1] > largest[0] * largest[1]) largest = size;
  }
  return largest;
}

/** Goes from segment to segment, over thumbnails, to the one that begins the picture. */
async function sizeOfJpeg(file: Blob): Promise<Size | null> {
  let at = 2;
  for (let segment = 0; segment < MOST_SEGMENTS; segment += 1) {
    const view = await bytes(file, at, 9);
    if (view.getUint8(0) !== 0xff) return null;
    const marker = view.getUint8(1);
    if (marker === 0xff) at += 1; // Filling.
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) at += 2; // Has no content.
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return [view.getUint16(7), view.getUint16(5)];
    } else at += 2 + view.getUint16(2);
  }
  return null;
}
