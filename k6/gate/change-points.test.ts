import { expect, test } from 'vitest';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { changePoints } from './change-points.ts';
import { normal } from './random.ts';

// Yearly flow of the Nile at Aswan from 1871 (Cobb 1978): it fell after 1898, when the dam was begun.
const NILE =
  `1120 1160 963 1210 1160 1160 813 1230 1370 1140 995 935 1110 994 1020 960 1180 799 958 1140 1100 1210 1150 1250 1260
1220 1030 1100 774 840 874 694 940 833 701 916 692 1020 1050 969 831 726 456 824 702 1120 1100 832 764 821 768 845 864 862 698 845
744 796 1040 759 781 865 845 944 984 897 822 1010 771 676 649 846 812 742 801 1040 860 874 848 890 744 749 838 1050 918 986 797 923
975 815 1020 906 901 1170 912 746 919 718 714 740`
    .split(/\s+/)
    .map(Number);

test('the Nile fell in 1899', () => {
  expect(NILE.length).toBe(100);
  const [change, ...more] = changePoints(NILE, { random: seededRandom(1) });
  expect(1871 + change!.index).toBe(1899);
  expect(change!.ratio).toBeCloseTo(850 / 1098, 1);
  expect(more).toEqual([]);
});

test('two steps are both found, in order', () => {
  const random = seededRandom(2);
  const level = (mean: number) => Array.from({ length: 20 }, () => mean + normal(random));
  const found = changePoints([...level(10), ...level(20), ...level(14)], { random });
  expect(found.map(({ index }) => index)).toEqual([20, 40]);
});

test('noise alone is called a change in about 1 %', () => {
  const random = seededRandom(3);
  let wrong = 0;
  for (let run = 0; run < 200; run++) {
    const noise = Array.from({ length: 24 }, () => normal(random));
    if (changePoints(noise, { random, permutations: 199 }).length > 0) wrong++;
  }
  expect(wrong).toBeLessThanOrEqual(7);
}, 30_000);

test('a short series, and one that never changes, have none', () => {
  expect(changePoints([1, 1, 1, 9, 9, 9], { random: seededRandom(4) })).toEqual([]);
  expect(changePoints(new Array(50).fill(3), { random: seededRandom(4) })).toEqual([]);
});
