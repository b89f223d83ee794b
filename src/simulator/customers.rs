//! The people who buy: a pool of invented customers, the same in every run.

use crate::shop::Customer;
use compact_str::format_compact;

/// First names of the pool.
const FIRST: [&str; 72] = [
    "Åsa", "Björn", "Märta", "Göran", "Alva", "Nils", "Saga", "Oskar", "Ebba", "Love", "Agnes", "Ture",
    "Linnéa", "Håkan", "Elsa", "Sixten", "Astrid", "Jörgen", "Maja", "Åke", "Klara", "Melker", "Sigrid",
    "Pär", "Freja", "Malte", "Ingrid", "Östen", "Tuva", "Arvid", "Ellen", "Sören", "Wilma", "Folke", "Stina",
    "Gösta", "Hedda", "Måns", "Kerstin", "Mårten", "Vera", "Henrik", "Signe", "Anders", "Lovisa", "Viggo",
    "Ylva", "Rickard", "Tilde", "Emil", "Märit", "Fredrik", "Selma", "Karl", "Greta", "Lars", "Elin",
    "Birger", "Moa", "Torsten", "Nova", "Jonas", "Svea", "Magnus", "Cornelia", "Elias", "Amanda", "Joel",
    "Tyra", "Leif", "Siri", "Hugo",
];

/// Last names of the pool.
const LAST: [&str; 70] = [
    "Öberg",
    "Sjöström",
    "Åkesson",
    "Lindqvist",
    "Bergström",
    "Hägg",
    "Nyström",
    "Söderlund",
    "Ek",
    "Björklund",
    "Wallin",
    "Ångström",
    "Hedlund",
    "Strömberg",
    "Dahl",
    "Fälldin",
    "Holmgren",
    "Sandberg",
    "Öhman",
    "Löfgren",
    "Norén",
    "Blomqvist",
    "Hallström",
    "Rönnqvist",
    "Ström",
    "Mårtensson",
    "Lund",
    "Åberg",
    "Forsberg",
    "Ljunggren",
    "Palm",
    "Sjöberg",
    "Engström",
    "Häggström",
    "Vikström",
    "Granlund",
    "Möller",
    "Bäckström",
    "Lagergren",
    "Östlund",
    "Falk",
    "Nordin",
    "Kjellberg",
    "Ahlström",
    "Rosén",
    "Gårdström",
    "Brännström",
    "Widmark",
    "Tegnér",
    "Hjälm",
    "Asplund",
    "Sundström",
    "Lindén",
    "Frisk",
    "Åström",
    "Borg",
    "Sällström",
    "Melin",
    "Thörn",
    "Grönlund",
    "Stålhammar",
    "Hellström",
    "Rydén",
    "Lövgren",
    "Eklöf",
    "Näslund",
    "Swärd",
    "Höglund",
    "Modig",
    "Bråten",
];

/// Domains that no mail ever reaches (RFC 2606).
const DOMAINS: [&str; 4] = ["example.com", "example.org", "example.net", "post.example"];

/// How many customers the pool has: every first name with every last name.
pub const POOL: u64 = (FIRST.len() * LAST.len()) as u64;

/// The customer with a number from 1 to [`POOL`]; numbers beyond begin again at 1.
pub fn customer(id: u64) -> Customer {
    let index = usize::try_from(id.saturating_sub(1) % POOL).unwrap_or_default();
    // The last name moves on by one with every round of first names, so that neighbours differ in both.
    let (round, step) = (index / FIRST.len(), index % FIRST.len());
    let first = FIRST.get(step).copied().unwrap_or_default();
    let last = LAST.get((round + step) % LAST.len()).copied().unwrap_or_default();
    let domain = DOMAINS.get(index % DOMAINS.len()).copied().unwrap_or_default();
    Customer {
        customer_id: id,
        name: format_compact!("{first} {last}"),
        email: format_compact!("{}.{}@{domain}", ascii(first), ascii(last)),
    }
}

/// A name as the local part of an address has it: small letters of ASCII alone.
fn ascii(name: &str) -> String {
    name.chars()
        .flat_map(char::to_lowercase)
        .map(|letter| match letter {
            'å' | 'ä' => 'a',
            'ö' => 'o',
            'é' => 'e',
            other => other,
        })
        .filter(char::is_ascii_alphanumeric)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_customer_has_a_name_and_an_address_of_their_own() {
        let pool: Vec<Customer> = (1..=POOL).map(customer).collect();
        let names: HashSet<&str> = pool.iter().map(|customer| customer.name.as_str()).collect();
        let addresses: HashSet<&str> = pool.iter().map(|customer| customer.email.as_str()).collect();
        assert_eq!((names.len(), addresses.len()), (pool.len(), pool.len()));
        for customer in &pool {
            let (local, domain) = customer.email.split_once('@').unwrap();
            assert!(local.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.'), "{local}");
            assert!(domain.starts_with("example.") || domain.ends_with(".example"), "{domain}");
        }
    }

    #[test]
    fn a_number_is_always_the_same_customer() {
        let customer = customer(1);
        assert_eq!((customer.name.as_str(), customer.email.as_str()), ("Åsa Öberg", "asa.oberg@example.com"));
    }
}
