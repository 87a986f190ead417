//! Faults by Sentry: panics, and what the service logs as an error.
//!
//! Nothing is sent but what is known to have nothing of a person: texts that stand in the source, the place in it, codes, the
//! request's id and the frames of the stack. A text that was put together while the service ran may repeat anything, so it goes
//! to nobody; by the request's id the operator finds the rest in the log.

use std::{
    any::Any,
    panic::{self, Location},
    sync::Arc,
};

use secrecy::ExposeSecret;
use sentry::{
    ClientOptions,
    integrations::backtrace::current_stacktrace,
    protocol::{Event, Exception, Frame, Level, Mechanism, Stacktrace},
    transports::DefaultTransportFactory,
};
use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    filter::filter_fn,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use super::{Part, Settings};
use crate::error::{Code, Error, Result};

/// Who sends faults, a few at a time and from a thread of its own.
pub(super) type Client = Arc<sentry::Client>;

/// The span that has the request's id.
const REQUEST: &str = "request";
/// The target of panics.
const PANIC: &str = "rollcall::panic";
/// The fields of an error that are told: each is a word of ours, or a place in our source.
const TAGS: [&str; 4] = ["code", "kind", "lane", "place"];

/// The client of Sentry, where faults are to be sent.
pub(super) fn client(settings: &Settings) -> Result<Option<Client>> {
    let Some(dsn) = &settings.sentry_dsn else { return Ok(None) };
    let dsn = dsn.expose_secret().parse().map_err(|_| Error::internal("SENTRY_DSN is none"))?;
    let mut options = ClientOptions::new()
        .environment(settings.environment.clone())
        .release(concat!("rollcall@", env!("CARGO_PKG_VERSION")))
        .default_integrations(false)
        .max_breadcrumbs(0)
        .before_send(|event| Some(allowed(event)));
    options.dsn = Some(dsn);
    options.transport = Some(Arc::new(DefaultTransportFactory));
    Ok(Some(Arc::new(sentry::Client::with_options(options))))
}

/// What of an event may be sent. What is not named here is not sent, whoever put it there.
fn allowed(event: Event<'static>) -> Event<'static> {
    let tag = |name: &str| TAGS.contains(&name) || name == "request_id";
    let exceptions = event.exception.into_iter().map(|exception| Exception {
        ty: exception.ty,
        value: exception.value,
        mechanism: exception.mechanism.map(|of| Mechanism { ty: of.ty, handled: of.handled, ..Mechanism::default() }),
        stacktrace: exception.stacktrace.map(places),
        ..Exception::default()
    });
    Event {
        event_id: event.event_id,
        level: event.level,
        message: event.message,
        platform: event.platform,
        timestamp: event.timestamp,
        release: event.release,
        environment: event.environment,
        sdk: event.sdk,
        fingerprint: event.fingerprint,
        exception: exceptions.collect::<Vec<_>>().into(),
        tags: event.tags.into_iter().filter(|(name, _)| tag(name)).collect(),
        ..Event::default()
    }
}

/// The frames of a stack, without what the variables held and where the source lay when it was built.
fn places(stack: Stacktrace) -> Stacktrace {
    let place = |frame: Frame| Frame {
        in_app: Some(frame.function.as_deref().is_some_and(|function| function.starts_with("rollcall::"))),
        function: frame.function,
        module: frame.module,
        filename: frame.filename,
        lineno: frame.lineno,
        colno: frame.colno,
        ..Frame::default()
    };
    Stacktrace { frames: stack.frames.into_iter().map(place).collect(), ..Stacktrace::default() }
}

/// Who has the client send errors of ours.
pub(super) fn part(client: Client) -> Part {
    let heeds = |metadata: &Metadata<'_>| {
        if metadata.is_span() { is_request(metadata) } else { is_fault(metadata) }
    };
    Faults(client).with_filter(filter_fn(heeds)).boxed()
}

fn is_request(metadata: &Metadata<'_>) -> bool {
    metadata.name() == REQUEST && metadata.target().starts_with("rollcall::http")
}

fn is_fault(metadata: &Metadata<'_>) -> bool {
    *metadata.level() == tracing::Level::ERROR && metadata.target().starts_with("rollcall")
}

struct Faults(Client);

/// A request, and whether it was told of: its faults are one for Sentry, and all of them are in the log.
struct Request {
    id: String,
    told: bool,
}

impl<S> Layer<S> for Faults
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(span), Some(id)) = (context.span(id), fields.id) {
            span.extensions_mut().insert(Request { id, told: false });
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // What is not to be reached just now says so by itself, and once for each request meanwhile.
        if fields.tags.iter().any(|(name, value)| *name == "code" && value == Code::Unavailable.as_str()) {
            return;
        }
        let mut fault = fault(event.metadata(), fields);
        if let Some(request) = context.event_scope(event).into_iter().flatten().find(is_a_request) {
            let mut extensions = request.extensions_mut();
            if let Some(request) = extensions.get_mut::<Request>() {
                if std::mem::replace(&mut request.told, true) && event.metadata().target() != PANIC {
                    return;
                }
                fault.tags.insert("request_id".to_owned(), request.id.clone());
            }
        }
        self.0.capture_event(fault, None);
    }
}

fn is_a_request<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>) -> bool {
    is_request(span.metadata())
}

/// What an error of the log says.
#[derive(Default)]
struct Fields {
    message: String,
    id: Option<String>,
    tags: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "id" => self.id = Some(value.to_owned()),
            name if TAGS.contains(&name) => self.tags.push((name, value.to_owned())),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Messages of this service stand in its source: what comes with them are fields.
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

fn fault(metadata: &Metadata<'_>, fields: Fields) -> Event<'static> {
    let tags = fields.tags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let panicked = metadata.target() == PANIC;
    if !panicked {
        return Event { level: Level::Error, message: Some(fields.message), tags, ..Event::default() };
    }
    let exception = Exception {
        ty: "panic".to_owned(),
        value: Some(fields.message),
        mechanism: Some(Mechanism { ty: "panic".to_owned(), handled: Some(false), ..Mechanism::default() }),
        stacktrace: current_stacktrace(),
        ..Exception::default()
    };
    Event { level: Level::Fatal, exception: vec![exception].into(), tags, ..Event::default() }
}

/// Has panics told as errors are, to who listens to them, within the request that they are of. The hook of the standard library
/// writes their text to standard error, whatever is in it: that is for who works on the service.
pub(super) fn tell_panics() {
    let standard = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        tell(panicked.payload(), panicked.location());
        if cfg!(debug_assertions) {
            standard(panicked);
        }
    }));
}

fn tell(payload: &(dyn Any + Send), location: Option<&Location<'_>>) {
    let place = location.map(ToString::to_string);
    match payload.downcast_ref::<&'static str>() {
        Some(message) => tracing::error!(target: PANIC, place, "panicked: {message}"),
        None => tracing::error!(target: PANIC, place, "panicked"),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use sentry::{Envelope, Transport};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Keeps what is sent.
    #[derive(Default)]
    struct Kept(Mutex<Vec<serde_json::Value>>);

    impl Transport for Kept {
        fn send_envelope(&self, envelope: Envelope) {
            let event = serde_json::to_value(envelope.event().unwrap()).unwrap();
            self.0.lock().unwrap().push(event);
        }

        fn flush(&self, _: Duration) -> bool {
            true
        }
    }

    /// What is sent of what `work` says.
    fn sent(work: impl FnOnce()) -> Vec<serde_json::Value> {
        let kept = Arc::new(Kept::default());
        let mut options = ClientOptions::new().before_send(|event| Some(allowed(event)));
        options.dsn = Some("https://key@sentry.example/1".parse().unwrap());
        options.transport = Some(Arc::new(Arc::clone(&kept)));
        let client = Arc::new(sentry::Client::with_options(options));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(vec![part(client)]), work);
        let events = kept.0.lock().unwrap();
        events.clone()
    }

    fn within(work: impl FnOnce()) {
        tracing::info_span!(target: "rollcall::http", "request", id = "request-1", path = "/ada").in_scope(work);
    }

    #[test]
    fn a_panic_is_told_by_its_place_and_not_by_a_text_that_was_put_together() {
        let here = Some(Location::caller());
        let events = sent(|| {
            within(|| tell(&"a literal", here));
            within(|| tell(&"Ada Lovelace".to_owned(), here));
        });
        let told: Vec<&str> =
            events.iter().map(|event| event["exception"]["values"][0]["value"].as_str().unwrap()).collect();
        assert_eq!(told, ["panicked: a literal", "panicked"]);
        for event in &events {
            assert_eq!((&event["tags"]["request_id"], &event["level"]), (&"request-1".into(), &"fatal".into()));
            assert!(event["tags"]["place"].as_str().unwrap().starts_with(file!()), "{event}");
            assert!(!event["exception"]["values"][0]["stacktrace"]["frames"].as_array().unwrap().is_empty());
            assert!(!event.to_string().contains("Ada"), "{event}");
        }
    }

    #[test]
    fn of_an_error_only_words_of_ours_are_told_and_once_for_a_request() {
        let events = sent(|| {
            within(|| {
                for _ in 0..3 {
                    tracing::error!(target: "rollcall::error", code = "INTERNAL", cause = "Ada", "request failed");
                }
                tracing::error!(target: "hyper", "not ours");
                tracing::warn!(target: "rollcall", "no error");
            });
            within(|| tracing::error!(target: "rollcall", code = "UNAVAILABLE", "request failed"));
            tracing::error!(target: "rollcall::jobs", job = 7, kind = "TELL", cause = "Ada", "a job was given up");
        });
        let told: Vec<_> =
            events.iter().map(|event| (event["message"].as_str().unwrap(), event["tags"].clone())).collect();
        let tags =
            [serde_json::json!({"code": "INTERNAL", "request_id": "request-1"}), serde_json::json!({"kind": "TELL"})];
        assert_eq!(told, ["request failed", "a job was given up"].into_iter().zip(tags).collect::<Vec<_>>());
        assert!(!format!("{events:?}").to_lowercase().contains("ada"), "{events:#?}");
    }

    #[test]
    fn what_somebody_puts_beside_it_is_not_sent() {
        let mut event = Event { message: Some("a fault".to_owned()), ..Event::default() };
        event.user = Some(sentry::User { email: Some("ada@example.org".to_owned()), ..sentry::User::default() });
        event.server_name = Some("ada-s-laptop".into());
        event.extra.insert("phone".to_owned(), "+977".into());
        event.tags.insert("name".to_owned(), "Ada".to_owned());
        let sent = serde_json::to_string(&allowed(event)).unwrap();
        assert!(sent.contains("a fault") && !sent.to_lowercase().contains("ada") && !sent.contains("977"), "{sent}");
    }
}
