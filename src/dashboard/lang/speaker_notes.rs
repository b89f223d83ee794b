//! A presenter's lines.

use crate::dashboard::page::{PANELS, Page};

/// A text for each page and panel, and a short one for narrow windows.
#[derive(Debug)]
pub struct SpeakerNotes {
    /// One per page.
    pub pages: [&'static str; Page::ALL.len()],
    /// One per panel of the overview.
    pub panels: [&'static str; PANELS],
    /// To each page, at most 76 columns: one line of a window of 80.
    pub pages_short: [&'static str; Page::ALL.len()],
    /// To each panel of the overview, at most 76 columns: one line of a window of 80.
    pub panels_short: [&'static str; PANELS],
}

/// In English.
pub(super) const EN: SpeakerNotes = SpeakerNotes {
    pages: [
        "Every order you see is a record in Kafka. Eight consumers read the same log, each at its own pace, and every \
         figure on this screen can be computed again from it.",
        "Sales today and by product. The consumer adds whole öre, partition by partition, so the sum is the same \
         however the work is split.",
        "A sale takes from a real, finite stock. What runs low is reordered, and the delivery is a record, too.",
        "Follow one order: sold, handled, mailed, with the partition and offset of each record.",
        "Every few seconds an order has its chance of being handled. The order, its offset and the state go out in \
         one Kafka transaction: never lost, never twice.",
        "At midnight the day is closed when everything in the log up to then is counted. A late order revises its day.",
        "Each consumer is a group with its own position in the log and its own lag: a slow one holds up no other, and one \
         that starts again goes on at its checkpoint.",
        "Nothing is printed over the picture. What the program has to say stands here and in its log file.",
        "Break the shop while it runs. Another implementation counts the whole log beside it and shows, figure by figure, when \
         both agree again.",
    ],
    panels: [
        "One consumer counts the orders since midnight. At 00:00 it begins again, and the day before has its report.",
        "Another adds up today's sales and those of the last hour. The hour slides by the second, also when nobody buys.",
        "Handled orders lie in a topic of their own: the last five minutes, half hour, hour and two hours, and the mean.",
        "The stock has a consumer, too: every sale takes from the shelf. Amber is low, red is sold out, plus is on its way.",
        "The newest orders as they come: a dot is sold, a check is handled, an envelope is an email that is written.",
        "What a shop should know: what was ordered, what is sold out, which report was saved.",
    ],
    pages_short: [
        "Every order is a record in Kafka; eight consumers read the same log.",
        "Whole öre, added partition by partition: any split gives the same sum.",
        "A sale takes from a real, finite stock; a delivery is a record, too.",
        "Follow one order: sold, handled, mailed, with the offset of each record.",
        "Order, offset and state in one Kafka transaction: never lost, never twice.",
        "A day closes when all before midnight is counted; late orders revise it.",
        "Each consumer has its own position and lag; a slow one holds up no other.",
        "Nothing is printed over the picture: it stands here and in the log file.",
        "Break it while it runs: another count of the log shows when all agree.",
    ],
    panels_short: [
        "One consumer counts orders since midnight, and begins again at 00:00.",
        "Another adds up today's sales, and the last hour's, second by second.",
        "Handled orders lie in a topic of their own: five minutes up to two hours.",
        "Every sale takes from the shelf: amber is low, red is out, plus is coming.",
        "The newest first: a dot is sold, a check handled, an envelope mailed.",
        "What a shop should know: what was ordered, is sold out, was saved.",
    ],
};

/// In Swedish.
pub(super) const SV: SpeakerNotes = SpeakerNotes {
    pages: [
        "Varje order som syns är en post i Kafka. Åtta konsumenter läser samma logg, var och en i sin takt, och varje \
         siffra på skärmen kan räknas fram ur den igen.",
        "Dagens försäljning, även per produkt. Konsumenten räknar i hela öre, partition för partition, så summan är \
         densamma hur arbetet än delas upp.",
        "En försäljning tar av ett saldo som verkligen finns. Det som börjar ta slut beställs, och leveransen är också en post.",
        "Följ en order: såld, hanterad, mejlad, med partition och offset för varje post.",
        "Med jämna mellanrum får varje order en chans att hanteras. Ordern, dess offset och tillståndet skrivs i en och samma \
         Kafka-transaktion: aldrig förlorat, aldrig dubbelt.",
        "Vid midnatt stängs dagen när allt i loggen fram till dess är räknat. Kommer en order in sent rättas dagens rapport.",
        "Varje konsument är en grupp med egen position i loggen och egen eftersläpning: en långsam hindrar ingen annan, och \
         en som startar om fortsätter vid sin kontrollpunkt.",
        "Inget skrivs över bilden. Det programmet har att säga står här och i loggfilen.",
        "Ha sönder butiken medan den går. En annan implementation räknar hela loggen vid sidan av och visar, siffra för siffra, \
         när båda stämmer igen.",
    ],
    panels: [
        "En konsument räknar order sedan midnatt. Klockan 00:00 börjar den om, och dagen före får sin rapport.",
        "En annan summerar dagens försäljning och den senaste timmens. Timmen glider sekund för sekund, även när ingen köper.",
        "Hanterade order ligger i en egen topic: senaste 5 och 30 minuterna, 1 och 2 timmarna, och medelvärdet.",
        "Även lagret har en konsument: varje försäljning tar av hyllan. Gult är lågt, rött är slut, plus är på väg.",
        "De nyaste beställningarna: en prick är såld, en bock är hanterad, ett kuvert är ett mejl som är skrivet.",
        "Det en butik bör veta: vad som beställts, vad som är slut, vilken rapport som sparats.",
    ],
    pages_short: [
        "Varje order är en post i Kafka; åtta konsumenter läser samma logg.",
        "Hela öre, partition för partition: summan är densamma hur det än delas.",
        "Varje köp tar av ett verkligt saldo; en leverans är också en post.",
        "Följ en order: såld, hanterad, mejlad, med offset för varje post.",
        "Order, offset och tillstånd i en transaktion: aldrig förlorat eller dubbelt.",
        "Dagen stängs när allt före midnatt är räknat; en sen order rättar den.",
        "Varje konsument har egen position; en långsam hindrar ingen annan.",
        "Inget skrivs över bilden: det står här och i loggfilen.",
        "Ha sönder den medan den går: en egen räkning visar när allt stämmer.",
    ],
    panels_short: [
        "En konsument räknar order sedan midnatt, och börjar om klockan 00:00.",
        "En annan summerar dagens och senaste timmens försäljning, sekund för sekund.",
        "Hanterade order har en egen topic: från fem minuter till två timmar.",
        "Varje köp tar av hyllan: gult är lågt, rött är slut, plus är på väg.",
        "De nyaste först: en prick är såld, en bock hanterad, ett kuvert mejlad.",
        "Det en butik bör veta: vad som beställts, tagit slut och sparats.",
    ],
};

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    /// Columns of a window of 80, without its margins and the bar before a sentence.
    const SHORT: usize = 76;

    #[test]
    fn a_short_sentence_is_one_line_and_shorter_than_the_long_one() {
        for speech in [EN, SV] {
            let short = speech.pages_short.iter().chain(&speech.panels_short);
            for (short, long) in short.zip(speech.pages.iter().chain(&speech.panels)) {
                assert!(!short.is_empty() && short.width() <= SHORT, "{} columns: {short}", short.width());
                assert!(short.width() < long.width(), "{short} is no shorter than {long}");
            }
        }
    }
}
