// Colour maps for images, made here: lightness runs in equal steps of OKLab from one end to the other, while the hue
// turns. Equal steps of a value look equally large, and a map still reads in grey and for colour-blind readers,
// because lightness alone carries the order. (Of "balance", made for values around zero, each half does.)

import { clamp } from "../guards";

type Rgb = readonly [number, number, number];

interface Recipe {
  hue_degrees: readonly number[];
  chroma: readonly number[];
  lightness: readonly number[];
}

const RECIPES = {
  heat: {
    hue_degrees: [282, 310, 345, 385, 415, 455, 468],
    chroma: [0.03, 0.13, 0.185, 0.19, 0.16, 0.13, 0.05],
    lightness: [0.14, 0.975],
  },
  sea: {
    hue_degrees: [275, 262, 245, 220, 185, 150, 120],
    chroma: [0.05, 0.12, 0.13, 0.11, 0.11, 0.13, 0.1],
    lightness: [0.16, 0.97],
  },
  grey: { hue_degrees: [0, 0], chroma: [0, 0], lightness: [0.12, 0.99] },
  paper: { hue_degrees: [0, 0], chroma: [0, 0], lightness: [0.99, 0.12] },
  balance: {
    hue_degrees: [255, 255, 255, 30, 30, 30],
    chroma: [0.08, 0.15, 0.01, 0.01, 0.15, 0.09],
    lightness: [0.3, 0.97, 0.3],
  },
} satisfies Record<string, Recipe>;

export type ColourMap = keyof typeof RECIPES;
export const COLOUR_MAPS = Object.keys(RECIPES) as ColourMap[];

/** How bytes become colours. */
export interface Look {
  map: ColourMap;
  /** Which part of the bytes' range the colours are spread over, as shares of it. */
  low: number;
  high: number;
  gamma: number;
}

export const PLAIN: Look = { map: "heat", low: 0, high: 1, gamma: 1 };

/** Between stops, by a cosine where corners would show and straight where equal steps matter. */
function at(stops: readonly number[], share: number, straight = false): number {
  const place = share * (stops.length - 1);
  const k = Math.min(Math.floor(place), stops.length - 2);
  const blend = straight ? place - k : (1 - Math.cos(Math.PI * (place - k))) / 2;
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
  return Math.round(255 * clamp(value, 0, 1));
}

function colour(recipe: Recipe, share: number): Rgb {
  const lightness = at(recipe.lightness, share, true);
  const hue = (at(recipe.hue_degrees, share) * Math.PI) / 180;
  // Too colourful for the screen? Give up colour, never lightness.
  for (let chroma = at(recipe.chroma, share); ; chroma -= 0.004) {
    const rgb = linearRgb(lightness, chroma * Math.cos(hue), chroma * Math.sin(hue));
    if (chroma <= 0 || rgb.every((part) => part >= -1e-4 && part <= 1 + 1e-4)) {
      return [encode(rgb[0]), encode(rgb[1]), encode(rgb[2])];
    }
  }
}

const known = new Map<ColourMap, readonly Rgb[]>();

/** 256 colours. */
export function coloursOf(map: ColourMap): readonly Rgb[] {
  let colours = known.get(map);
  if (!colours) {
    colours = Array.from({ length: 256 }, (_, k) => colour(RECIPES[map], k / 255));
    known.set(map, colours);
  }
  return colours;
}

/** Which of the 256 colours a byte gets. */
export function colourOf({ low, high, gamma }: Look, byte: number): number {
  const share = clamp((byte / 255 - low) / Math.max(high - low, 1e-6), 0, 1);
  return Math.round(255 * share ** gamma);
}

export function lookKey({ map, low, high, gamma }: Look): string {
  return `${map} ${low} ${high} ${gamma}`;
}

/** The colour of each byte, as 32-bit pixels in this machine's byte order. */
export function pixelsOf(look: Look): Uint32Array {
  const bytes = new Uint8Array(1024);
  const colours = coloursOf(look.map);
  for (let byte = 0; byte < 256; byte++) {
    bytes.set(colours[colourOf(look, byte)], 4 * byte);
    bytes[4 * byte + 3] = 255;
  }
  return new Uint32Array(bytes.buffer);
}

export function cssColour(look: Look, byte: number): string {
  return `rgb(${coloursOf(look.map)[colourOf(look, byte)].join(" ")})`;
}

/** The pixels of values shown plainly. */
export const PIXELS: Uint32Array = pixelsOf(PLAIN);
