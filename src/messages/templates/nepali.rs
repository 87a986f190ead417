//! Nepali, in Devanagari. Days are those of the calendar that the institute keeps its own in; a code has the digits that it is
//! typed in, everything else those of the script.

use chrono::{Datelike, NaiveDate, NaiveDateTime};

use super::{News, Wording, Words};
use crate::events::model::EventKind;

/// Nepali.
pub(super) struct Nepali;

const MONTHS: [&str; 12] =
    ["जनवरी", "फेब्रुअरी", "मार्च", "अप्रिल", "मे", "जुन", "जुलाई", "अगस्ट", "सेप्टेम्बर", "अक्टोबर", "नोभेम्बर", "डिसेम्बर"];

/// A text with the digits of the script.
fn digits(text: &str) -> String {
    const DIGITS: [char; 10] = ['०', '१', '२', '३', '४', '५', '६', '७', '८', '९'];
    text.chars().map(|c| c.to_digit(10).map_or(c, |digit| DIGITS[digit as usize])).collect()
}

fn of_code(subject: &str, opening: &str, minutes: i64) -> Wording {
    Wording {
        subject: subject.to_owned(),
        opening: opening.to_owned(),
        closing: format!(
            "यो कोड {} मिनेटसम्म एक पटक मात्र चल्छ। यहाँ काम गर्ने कसैले पनि तपाईंसँग यो कोड माग्दैन। \
             तपाईंले कोड माग्नुभएको होइन भने केही गर्नु पर्दैन।",
            digits(&minutes.to_string())
        ),
    }
}

impl Words for Nepali {
    fn tag(&self) -> &'static str {
        "ne"
    }

    fn activation_code(&self, minutes: i64) -> Wording {
        of_code("तपाईंको खाता सक्रिय गर्ने कोड", "तपाईंको खाता सक्रिय गर्ने कोड:", minutes)
    }

    fn reset_code(&self, minutes: i64) -> Wording {
        of_code("तपाईंको पासवर्ड रिसेट गर्ने कोड", "नयाँ पासवर्ड राख्ने कोड:", minutes)
    }

    fn password_changed(&self) -> Wording {
        Wording {
            subject: "तपाईंको पासवर्ड फेरियो".to_owned(),
            opening: "तपाईंको खाताको पासवर्ड फेरिएको छ, र त्यसमा साइन इन भएका सबै साइन आउट भएका छन्।".to_owned(),
            closing: "यो तपाईंले गर्नुभएको होइन भने अहिले नै पासवर्ड रिसेट गर्नुहोस् र प्रशासनलाई खबर गर्नुहोस्।".to_owned(),
        }
    }

    fn locked(&self, minutes: i64) -> Wording {
        Wording {
            subject: "तपाईंको खाता केही समयका लागि बन्द छ".to_owned(),
            opening: format!(
                "तपाईंको खातामा साइन इन गर्ने प्रयास धेरै पटक असफल भयो, त्यसैले {} मिनेटसम्म कसैले साइन इन गर्न सक्दैन।",
                digits(&minutes.to_string())
            ),
            closing: "यो तपाईंले गर्नुभएको होइन भने कसैले तपाईंको पासवर्ड अनुमान गर्न खोजेको हुन सक्छ। \
                      त्यो समयपछि खाता पहिले जस्तै चल्छ। तपाईंले केही गर्नु पर्दैन।"
                .to_owned(),
        }
    }

    fn head(&self, news: &News) -> &'static str {
        match news.kind {
            EventKind::AttendanceMarked => "हाजिरी लिइयो",
            EventKind::StudentAbsent => "कक्षामा अनुपस्थित",
            EventKind::MeetingRequested => "भेटघाटका लागि अनुरोध आयो",
            EventKind::MeetingScheduled => "भेटघाटको समय तय भयो",
            EventKind::MeetingMoved => "भेटघाटको समय सारियो",
            EventKind::MeetingCancelled => "भेटघाट रद्द भयो",
            EventKind::MeetingCompleted => "भेटघाट सम्पन्न भयो",
            EventKind::LeaveRequested => "बिदाका लागि अनुरोध आयो",
            EventKind::LeaveDecided => match news.granted {
                Some(true) => "बिदा स्वीकृत भयो",
                Some(false) => "बिदा अस्वीकृत भयो",
                None => "बिदाको निर्णय फिर्ता लिइयो",
            },
            EventKind::NoticePublished => "नयाँ सूचना",
            EventKind::ExportReady => "तपाईंले माग्नुभएको निर्यात तयार भयो",
        }
    }

    fn several(&self, count: usize) -> String {
        format!("{} वटा नयाँ जानकारी", digits(&count.to_string()))
    }

    fn more(&self, count: usize) -> String {
        format!("र थप {} वटा", digits(&count.to_string()))
    }

    fn closing(&self) -> &'static str {
        "थप जान्न साइन इन गर्नुहोस्।"
    }

    fn day(&self, day: NaiveDate) -> String {
        digits(&format!("{} {} {}", day.day(), MONTHS[day.month0() as usize], day.year()))
    }

    fn days(&self, first: NaiveDate, last: NaiveDate) -> String {
        format!("{} देखि {} सम्म", self.day(first), self.day(last))
    }

    fn time(&self, time: NaiveDateTime) -> String {
        format!("{}, {}", self.day(time.date()), digits(&time.format("%H:%M").to_string()))
    }
}
