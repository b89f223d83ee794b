use std::path::Path;

use super::*;

const PRODUCTS: &str = include_str!("../../../assets/products.toml");

fn campaigns(entries: &str) -> Campaigns {
    let catalog = Catalog::parse(&format!("{PRODUCTS}\n{entries}"), Path::new("x")).unwrap();
    Campaigns::new(&catalog, Zone(chrono_tz::UTC))
}

#[test]
fn factors_of_campaigns_at_once_are_multiplied_and_others_are_wanted_as_before() {
    let campaigns = campaigns(
        "[[campaigns]]\nname = \"a\"\nfrom = \"08:00\"\nto = \"12:00\"\nfactor = 3\nproducts = [1, \"Emaljmugg Fjällbris\"]\n\
         [[campaigns]]\nname = \"b\"\nfrom = \"10:00\"\nto = \"14:00\"\nfactor = 0.5\ncategories = [\"Kök\"]\n",
    );
    let products = Catalog::builtin().products;
    for (hour, names) in [(7, ""), (8, "a"), (11, "ab"), (12, "b"), (14, "")] {
        let ms = hour * 3_600_000;
        assert_eq!(campaigns.running(ms).map(|one| one.name.as_str()).collect::<String>(), names);
        let (mut before, mut now) = (0.0, 0.0);
        for (product, factor) in products.iter().zip(campaigns.factors(ms)) {
            let of_a = if names.contains('a') && product.id <= 2 { 3.0 } else { 1.0 };
            let of_b = if names.contains('b') && product.category == "Kök" { 0.5 } else { 1.0 };
            assert!((factor - of_a * of_b).abs() < 1e-12, "{}: {factor}", product.name);
            before += product.popularity;
            now += product.popularity * of_a * of_b;
        }
        let expected = (!names.is_empty()).then_some(now / before);
        let visits = campaigns.visits(ms);
        assert_eq!(visits.is_some(), expected.is_some());
        assert!((visits.unwrap_or(1.0) - expected.unwrap_or(1.0)).abs() < 1e-9, "{visits:?}");
    }
}

#[test]
fn however_many_run_at_once_factors_stay_finite() {
    for (factor, limit) in [("100", 1000.0), ("0.01", 0.001)] {
        let one =
            format!("[[campaigns]]\nname = \"a\"\nfrom = \"00:00\"\nto = \"24:00\"\nfactor = {factor}\n");
        let visits = campaigns(&one.repeat(300)).visits(0).unwrap();
        assert!((visits - limit).abs() < 1e-9, "{visits}");
    }
}
