// A colour map for images, made here: lightness rises in equal steps of OKLab from near black to near white,
// while the hue turns from violet over red to yellow. Equal steps of a value look equally large, and the map
// still reads in grey and for colour-blind readers, because lightness alone carries the order.

type Rgb = [number, number, number];

const HUE_DEGREES = [282, 310, 345, 385, 415, 455, 468];
const CHROMA = [0.03, 0.13, 0.185, 0.19, 0.16, 0.13, 0.05];
const LIGHTNESS: readonly [number, number] = [0.14, 0.975];

function at(stops: readonly number[], share: number): number {
  const place = share * (stops.length - 1);
  const k = Math.min(Math.floor(place), stops.length - 2);
  // A cosine between the stops keeps the colours from showing corners.
  const blend = (1 - Math.cos(Math.PI * (place - k))) / 2;
  return stops[k] + (stops[k + 1] - stops[k]) * blend;
}

/** OKLab to linear RGB, by the matrices of its definition (B. Ottosson, 2020). */
function linearRgb(lightness: number, a: number, b: number): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

function encode(linear: number): number {
  const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.min(Math.max(value, 0), 1));
}

function colour(share: number): Rgb {
  const lightness = LIGHTNESS[0] + (LIGHTNESS[1] - LIGHTNESS[0]) * share;
  const hue = (at(HUE_DEGREES, share) * Math.PI) / 180;
  // Too colourful for the screen? Give up colour, never lightness.
  for (let chroma = at(CHROMA, share); ; chroma -= 0.004) {
    const rgb = linearRgb(lightness, chroma * Math.cos(hue), chroma * Math.sin(hue));
    if (chroma <= 0 || rgb.every((part) => part >= -1e-4 && part <= 1 + 1e-4)) return rgb.map(encode) as Rgb;
  }
}

export const COLOURS: readonly Rgb[] = Array.from({ length: 256 }, (_, k) => colour(k / 255));

/** The same as 32-bit pixels in this machine's byte order. */
export const PIXELS: Uint32Array = new Uint32Array(
  new Uint8Array(COLOURS.flatMap(([red, green, blue]) => [red, green, blue, 255])).buffer,
);

export function cssColour(value: number): string {
  const [red, green, blue] = COLOURS[value];
  return `rgb(${red} ${green} ${blue})`;
}
