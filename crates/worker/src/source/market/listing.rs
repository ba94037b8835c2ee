//! What is traded: codes as the Korea Exchange writes them, prices on its ticks, popularity by Zipf's law.

use super::dice::Dice;

/// Large companies of the exchange and prices near theirs, in won, the seed's four first.
const KNOWN: [(&str, u64); 20] = [
    ("005930", 72_000),
    ("000660", 144_000),
    ("035420", 215_000),
    ("035720", 45_000),
    ("005380", 190_000),
    ("000270", 85_000),
    ("051910", 400_000),
    ("006400", 420_000),
    ("068270", 180_000),
    ("012330", 230_000),
    ("028260", 120_000),
    ("066570", 98_000),
    ("003550", 80_000),
    ("032830", 70_000),
    ("017670", 50_000),
    ("015760", 20_000),
    ("009150", 140_000),
    ("034730", 160_000),
    ("018260", 150_000),
    ("010130", 450_000),
];

/// Invented codes run from 100000 to 999999; the known ones begin with 0.
pub(super) const SYMBOLS_MAX: usize = KNOWN.len() + 900_000;

/// One traded symbol.
#[derive(Debug)]
struct Symbol {
    code: Box<str>,
    /// The price that the walk strays from by a factor of two at most, in won.
    base: u64,
    /// The price now, in won.
    price: u64,
}

/// All symbols, by falling popularity.
#[derive(Debug)]
pub(super) struct Listing {
    symbols: Vec<Symbol>,
    /// Cumulated weights 1/1, 1/2, 1/3 …
    popularity: Vec<u64>,
    /// How often of a thousand times it is the first one in any case.
    hot_permille: u64,
}

impl Listing {
    /// `count` symbols, at least 1 and at most [`SYMBOLS_MAX`].
    pub(super) fn of(count: usize, hot_permille: u32, dice: &mut Dice) -> Self {
        let count = count.clamp(1, SYMBOLS_MAX);
        let mut total = 0;
        let popularity = (1..=count as u64)
            .map(|rank| {
                total += 1_000_000_000 / rank;
                total
            })
            .collect();
        let symbols = (0..count).map(|rank| Symbol::ranked(rank, dice)).collect();
        Self { symbols, popularity, hot_permille: hot_permille.into() }
    }

    /// How many symbols there are.
    pub(super) fn len(&self) -> usize {
        self.symbols.len()
    }

    /// A symbol's rank, popular ones more often.
    pub(super) fn draw(&self, dice: &mut Dice) -> usize {
        if self.hot_permille > 0 && dice.permille(self.hot_permille) {
            return 0;
        }
        let point = dice.below(self.popularity.last().copied().unwrap_or(0));
        self.popularity.partition_point(|cumulated| *cumulated <= point)
    }

    /// A symbol's code.
    pub(super) fn code(&self, rank: usize) -> &str {
        self.symbols.get(rank).map_or("", |symbol| &symbol.code)
    }

    /// A symbol's price after a small step of its walk, in won.
    pub(super) fn walk(&mut self, rank: usize, dice: &mut Dice) -> u64 {
        let step = dice.below(10);
        self.price_to(rank, |symbol| match step {
            0..=2 if symbol.price < symbol.base * 2 => symbol.price + tick(symbol.price),
            3..=5 if symbol.price > symbol.base / 2 => symbol.price - tick(symbol.price - 1),
            _ => symbol.price,
        })
    }

    /// A symbol's price after a jump of 8 to 14 percent from `last`; from far off it jumps back.
    pub(super) fn jump(&mut self, rank: usize, last: u64, dice: &mut Dice) -> u64 {
        let percent = dice.between(8, 15);
        let coin = dice.below(2) == 0;
        self.price_to(rank, |symbol| {
            let up = if last < symbol.base {
                coin || last * 4 < symbol.base * 3
            } else {
                coin && last * 3 < symbol.base * 4
            };
            let price = if up { last * (100 + percent) / 100 } else { last * (100 - percent) / 100 };
            price.next_multiple_of(tick(price))
        })
    }

    fn price_to(&mut self, rank: usize, price: impl FnOnce(&Symbol) -> u64) -> u64 {
        let Some(symbol) = self.symbols.get_mut(rank) else { return 1 };
        symbol.price = price(symbol).max(1);
        symbol.price
    }
}

impl Symbol {
    fn ranked(rank: usize, dice: &mut Dice) -> Self {
        let (code, base) = if let Some((code, base)) = KNOWN.get(rank) {
            ((*code).into(), *base)
        } else {
            // 7919 and 900,000 have no common divisor: every code comes once.
            let number = 100_000 + (rank - KNOWN.len()) * 7919 % 900_000;
            let price = dice.between(2_000, 300_000);
            (number.to_string().into(), price.next_multiple_of(tick(price)))
        };
        Self { code, base, price: base }
    }
}

/// The exchange's smallest step at a price, in won.
fn tick(price: u64) -> u64 {
    match price {
        0..2_000 => 1,
        2_000..5_000 => 5,
        5_000..20_000 => 10,
        20_000..50_000 => 50,
        50_000..200_000 => 100,
        200_000..500_000 => 500,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_six_digits_and_each_stands_once() {
        let listing = Listing::of(usize::MAX, 0, &mut Dice::seeded(1));
        assert_eq!(listing.len(), SYMBOLS_MAX);
        let mut codes: Vec<_> = (0..listing.len()).map(|rank| listing.code(rank)).collect();
        assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), SYMBOLS_MAX);
        assert_eq!((Listing::of(0, 0, &mut Dice::seeded(1)).len(), listing.code(0)), (1, "005930"));
    }

    #[test]
    fn popularity_follows_zipf() {
        let mut dice = Dice::seeded(7);
        let listing = Listing::of(50, 0, &mut dice);
        let mut drawn = [0_u32; 50];
        for _ in 0..100_000 {
            drawn[listing.draw(&mut dice)] += 1;
        }
        // Weights 1/k sum up to 4.499 for 50 symbols: the first is drawn in 22.2 of 100 cases, the tenth in 2.2.
        assert!((21_500..23_000).contains(&drawn[0]), "{drawn:?}");
        assert!((2_000..2_450).contains(&drawn[9]), "{drawn:?}");
        assert!(drawn[49] > 300, "{drawn:?}");
    }

    #[test]
    fn a_hot_symbol_is_drawn_that_often_and_the_others_by_their_weights() {
        let mut dice = Dice::seeded(7);
        let listing = Listing::of(50, 900, &mut dice);
        let mut drawn = [0_u32; 50];
        for _ in 0..100_000 {
            drawn[listing.draw(&mut dice)] += 1;
        }
        // 90 in 100, and 22.2 in 100 of the rest; the tenth 2.2 in 100 of the rest.
        assert!((91_900..92_550).contains(&drawn[0]), "{drawn:?}");
        assert!((170..280).contains(&drawn[9]), "{drawn:?}");
    }

    #[test]
    fn walks_stay_near_and_on_ticks() {
        let mut dice = Dice::seeded(3);
        let mut listing = Listing::of(30, 0, &mut dice);
        for _ in 0..100_000 {
            let rank = listing.draw(&mut dice);
            let before = listing.symbols[rank].price;
            let price = listing.walk(rank, &mut dice);
            assert!(price.abs_diff(before) * 100 <= before, "a step is at most a percent: {before} → {price}");
            assert_eq!(price % tick(price), 0, "{price}");
            let base = listing.symbols[rank].base;
            assert!((base / 2 - 1_000..=base * 2 + 1_000).contains(&price), "{price} around {base}");
        }
    }

    #[test]
    fn jumps_are_five_percent_and_more() {
        let mut dice = Dice::seeded(3);
        let mut listing = Listing::of(30, 0, &mut dice);
        for round in 0..10_000 {
            let last = listing.symbols[round % 30].price;
            let price = listing.jump(round % 30, last, &mut dice);
            assert!(price.abs_diff(last) * 100 >= 5 * last, "{last} → {price}");
            let base = listing.symbols[round % 30].base;
            assert!((base / 2..base * 2).contains(&price), "jumps come back: {price} around {base}");
        }
    }
}
