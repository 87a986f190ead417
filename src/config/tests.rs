use secrecy::ExposeSecret;

use super::*;
use crate::telemetry::{Rotation, Sampler};

fn read(vars: &[(&str, &str)]) -> Result<Config, Problems> {
    Config::from_vars(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn development_needs_nothing() {
    let config = read(&[("ENVIRONMENT", "development")]).unwrap();
    assert_eq!(config.database_url.expose_secret(), "sqlite:data/rollcall.db");
    assert!(config.migrate_on_start && config.graphiql && config.introspection_anonymous);
}

#[test]
fn production_shows_nothing_to_who_is_not_signed_in() {
    let config = read(&PRODUCTION).unwrap();
    assert!(!config.graphiql && !config.introspection_anonymous);
    let config = read(&[&PRODUCTION[..], &[("INTROSPECTION_ANONYMOUS", "true")]].concat()).unwrap();
    assert!(config.introspection_anonymous);
}

#[test]
fn every_problem_is_told_at_once_and_no_secret_is_repeated() {
    let Problems(problems) = read(&[
        ("ENVIRONMENT", "production"),
        ("DATABASE_URL", "mysql://root:hunter2@db"),
        ("LISTEN_ADDR", "here"),
        ("SECRET_KEY", "short-secret"),
        ("SECRET_KEY_PREVIOUS", "short-secret"),
        ("DATABASE_POOL_SIZE", "0"),
        ("LOG_FORMAT", "xml"),
    ])
    .unwrap_err();
    let variables: Vec<&str> = problems.iter().map(|(variable, _)| *variable).collect();
    assert_eq!(
        variables,
        [
            "LOG_FORMAT",
            "DATABASE_URL",
            "DATABASE_POOL_SIZE",
            "LISTEN_ADDR",
            "ALLOWED_HOSTS",
            "SECRET_KEY",
            "SECRET_KEY_PREVIOUS"
        ]
    );
    let told = Problems(problems).to_string();
    assert!(!told.contains("hunter2") && !told.contains("short-secret"), "{told}");
}

const PRODUCTION: [(&str, &str); 2] =
    [("ALLOWED_HOSTS", "school.example"), ("SECRET_KEY", "0123456789abcdef0123456789abcdef")];

#[test]
fn what_codes_go_by_is_whole_and_encrypted_in_production() {
    let told = |vars: &[(&str, &str)]| match read(&[&PRODUCTION[..], vars].concat()) {
        Ok(_) => Vec::new(),
        Err(Problems(problems)) => problems,
    };
    let (from, token) = (("MAIL_FROM", "School <office@school.example>"), ("SMS_GATEWAY_TOKEN", "t0ken"));
    for url in
        ["smtps://u:hunter2@mail.example", "smtp://u:hunter2@mail.example:587?tls=required", "smtp://127.0.0.1:1025"]
    {
        assert_eq!(told(&[("SMTP_URL", url), from]), [], "{url}");
    }
    for url in ["https://gateway.example/send", "http://localhost:9000/", "http://[::1]:9000/"] {
        assert_eq!(told(&[("SMS_GATEWAY_URL", url), token]), [], "{url}");
    }
    for url in [
        "smtp://u:hunter2@mail.example",
        "smtp://u:hunter2@mail.example?tls=opportunistic",
        "http://u:hunter2@mail.example",
    ] {
        let problems = told(&[("SMTP_URL", url), from]);
        assert!(problems.len() == 1 && problems[0].0 == "SMTP_URL", "{url}: {problems:?}");
        assert!(!problems[0].1.contains("hunter2"), "{problems:?}");
    }
    for url in ["http://gateway.example/send?key=hunter2", "gateway.example", "ftp://gateway.example"] {
        let problems = told(&[("SMS_GATEWAY_URL", url), token]);
        assert!(problems.len() == 1 && problems[0].0 == "SMS_GATEWAY_URL", "{url}: {problems:?}");
        assert!(!problems[0].1.contains("hunter2"), "{problems:?}");
    }
    let alone = [
        (("SMTP_URL", "smtps://mail.example"), "MAIL_FROM"),
        (from, "MAIL_FROM"),
        (("SMS_GATEWAY_URL", "https://gateway.example/"), "SMS_GATEWAY_TOKEN"),
        (token, "SMS_GATEWAY_TOKEN"),
    ];
    for (variable, missed) in alone {
        assert_eq!(told(&[variable]).iter().map(|(name, _)| *name).collect::<Vec<_>>(), [missed]);
    }
    assert_eq!(told(&[("SMTP_URL", "smtps://mail.example"), ("MAIL_FROM", "office")])[0].0, "MAIL_FROM");
}

#[test]
fn a_proxy_that_is_trusted_in_production_is_asked_for_https() {
    let production = [("ALLOWED_HOSTS", "school.example"), ("SECRET_KEY", "0123456789abcdef0123456789abcdef")];
    let with = |more: &[(&str, &str)]| read(&[&production[..], more].concat()).unwrap();
    assert!(!with(&[]).https_redirect, "nobody would get in");
    let config = with(&[("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1,2001:db8::/32")]);
    let networks: Vec<String> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]);
    assert!(config.https_redirect);
    assert!(!with(&[("TRUSTED_PROXIES", "10.0.0.1"), ("HTTPS_REDIRECT", "false")]).https_redirect);
    assert!(!read(&[("ENVIRONMENT", "development"), ("TRUSTED_PROXIES", "10.0.0.1")]).unwrap().https_redirect);
    let Problems(problems) = read(&[&production[..], &[("HTTPS_REDIRECT", "true")]].concat()).unwrap_err();
    assert_eq!(problems[0].0, "HTTPS_REDIRECT");
}

#[test]
fn everybody_is_no_proxy_to_trust() {
    for wrong in ["0.0.0.0/0", "::/0", "*", "proxy.example", "10.0.0.0/40", "10.0.0.1:80"] {
        let Problems(problems) = read(&[("ENVIRONMENT", "development"), ("TRUSTED_PROXIES", wrong)]).unwrap_err();
        assert!(problems.len() == 1 && problems[0].0 == "TRUSTED_PROXIES", "{wrong}: {problems:?}");
    }
}

#[test]
fn an_origin_is_as_browsers_write_it() {
    let development = |value| read(&[("ENVIRONMENT", "development"), ("CORS_ORIGINS", value)]);
    let config = development("https://App.School.example, http://localhost:5173").unwrap();
    assert_eq!(config.cors_origins, ["https://app.school.example", "http://localhost:5173"]);
    for wrong in [
        "*",
        "null",
        "https://*.school.example",
        "https://school.example/",
        "https://school.example/app",
        "https://school.example:443",
        "https://school.example:",
        "https://me@school.example",
        "school.example",
        "ftp://school.example",
        "https://",
    ] {
        let Problems(problems) = development(wrong).unwrap_err();
        assert!(problems.len() == 1 && problems[0].0 == "CORS_ORIGINS", "{wrong}: {problems:?}");
    }
    let production = [("ALLOWED_HOSTS", "school.example"), ("SECRET_KEY", "0123456789abcdef0123456789abcdef")];
    let in_production = |value| read(&[&production[..], &[("CORS_ORIGINS", value)]].concat());
    assert!(in_production("https://app.school.example").is_ok());
    assert!(in_production("http://app.school.example").is_err(), "what comes over HTTP, others can have written");
}

#[test]
fn what_is_said_of_the_stores_goes_together() {
    let told = |vars: &[(&str, &str)]| match read(&[&PRODUCTION[..], vars].concat()) {
        Ok(_) => Vec::new(),
        Err(Problems(problems)) => {
            assert!(problems.iter().all(|(_, problem)| !problem.contains("hunter2")), "{problems:?}");
            problems.into_iter().map(|(variable, _)| variable).collect()
        }
    };
    let (pooled, direct) =
        ("postgres://me:hunter2@pooler:6432/school", "postgres://me:hunter2@db/school?sslmode=require");
    let (url, pooling) = (("DATABASE_URL", pooled), ("DATABASE_POOLING", "transaction"));
    let (migrations, on_start) = (("DATABASE_MIGRATION_URL", direct), ("MIGRATE_ON_START", "true"));
    assert!(told(&[url, pooling]).is_empty() && told(&[url, migrations]).is_empty());
    assert!(told(&[url, pooling, migrations, on_start]).is_empty());
    assert_eq!(told(&[url, pooling, on_start]), ["MIGRATE_ON_START"], "nothing could be locked");
    let replicas = ("DATABASE_REPLICA_URLS", direct);
    assert_eq!(told(&[url, pooling, replicas]), ["DATABASE_REPLICA_URLS"], "a session says how far one is");
    assert_eq!(told(&[("DATABASE_POOLING", "statement")]), ["DATABASE_POOLING"]);
    assert_eq!(told(&[pooling]), ["DATABASE_POOLING"], "SQLite has no pooler");
    assert_eq!(told(&[migrations]), ["DATABASE_MIGRATION_URL"]);
    assert_eq!(told(&[("DATABASE_URL", "postgres://me:hunter2@db/school?sslmode=verify-ca")]), ["DATABASE_URL"]);
    assert_eq!(told(&[url, ("DATABASE_MIGRATION_URL", "sqlite:hunter2")]), ["DATABASE_MIGRATION_URL"]);
    let authorities = ("REDIS_CA_FILE", "/etc/rollcall/redis-ca.pem");
    assert!(told(&[("REDIS_URL", "rediss://:hunter2@redis"), authorities]).is_empty());
    assert_eq!(told(&[("REDIS_URL", "redis://:hunter2@redis"), authorities]), ["REDIS_CA_FILE"]);
    assert_eq!(told(&[authorities]), ["REDIS_CA_FILE"]);
}

#[test]
fn replicas_are_of_a_postgres_and_the_bound_of_requests_goes_by_them() {
    let development = |vars: &[(&str, &str)]| read(&[&[("ENVIRONMENT", "development")], vars].concat());
    let config = development(&[]).unwrap();
    assert_eq!((config.database_replica_urls.len(), config.max_in_flight), (0, 32 * 8));
    let primary = ("DATABASE_URL", "postgres://rollcall:hunter2@db/rollcall");
    let two = (
        "DATABASE_REPLICA_URLS",
        "postgres://rollcall:hunter2@r1/rollcall, postgresql://rollcall:hunter2@r2/rollcall,",
    );
    let config = development(&[primary, two, ("DATABASE_POOL_SIZE", "10")]).unwrap();
    let urls: Vec<&str> = config.database_replica_urls.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(urls, ["postgres://rollcall:hunter2@r1/rollcall", "postgresql://rollcall:hunter2@r2/rollcall"]);
    assert_eq!((config.database_replica_max_lag, config.max_in_flight), (Duration::from_millis(100), 32 * 10 * 3));
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(development(&[primary, two, ("MAX_IN_FLIGHT", "7")]).unwrap().max_in_flight, 7);
    for (vars, variable) in [
        (&[two][..], "DATABASE_REPLICA_URLS"),
        (&[primary, ("DATABASE_REPLICA_URLS", "postgres://a/b,sqlite:hunter2.db")], "DATABASE_REPLICA_URLS"),
        (&[primary, ("DATABASE_REPLICA_URLS", "mysql://root:hunter2@db")], "DATABASE_REPLICA_URLS"),
        (&[("DATABASE_REPLICA_MAX_LAG_MS", "0")], "DATABASE_REPLICA_MAX_LAG_MS"),
        (&[("DATABASE_REPLICA_MAX_LAG_MS", "60000")], "DATABASE_REPLICA_MAX_LAG_MS"),
        (&[("MAX_IN_FLIGHT", "0")], "MAX_IN_FLIGHT"),
    ] {
        let Problems(problems) = development(vars).unwrap_err();
        assert!(problems.len() == 1 && problems[0].0 == variable, "{vars:?}: {problems:?}");
        assert!(!problems[0].1.contains("hunter2"), "{problems:?}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let config = read(&[("ENVIRONMENT", "development"), ("SECRET_KEY", "0123456789abcdef0123456789abcdef")]).unwrap();
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
}

#[test]
fn what_is_told_of_the_service_goes_where_it_is_safe() {
    let told = |vars: &[(&str, &str)]| match read(&[&PRODUCTION[..], vars].concat()) {
        Ok(_) => Vec::new(),
        Err(Problems(problems)) => problems.into_iter().map(|(variable, _)| variable).collect(),
    };
    let (near, far) = ("http://collector.internal:4318", "https://collector.example");
    for endpoint in [near, far] {
        assert!(told(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]).is_empty(), "{endpoint}");
    }
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t0ken");
    assert!(told(&[("OTEL_EXPORTER_OTLP_ENDPOINT", far), headers]).is_empty());
    assert_eq!(
        told(&[("OTEL_EXPORTER_OTLP_ENDPOINT", near), headers]),
        ["OTEL_EXPORTER_OTLP_ENDPOINT"],
        "a token goes by it"
    );
    assert_eq!(told(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]), ["OTEL_EXPORTER_OTLP_ENDPOINT"]);
    assert_eq!(told(&[headers]), ["OTEL_EXPORTER_OTLP_HEADERS"], "nobody gets them");
    for (dsn, wrong) in [
        ("https://key@sentry.example/1", false),
        ("http://key@127.0.0.1:9000/1", false),
        ("http://hunter2@sentry.example/1", true),
        ("https://sentry.example/hunter2", true),
    ] {
        assert_eq!(told(&[("SENTRY_DSN", dsn)]), if wrong { vec!["SENTRY_DSN"] } else { vec![] }, "{dsn}");
    }
    let Err(problems) = read(&[&PRODUCTION[..], &[("SENTRY_DSN", "http://hunter2@sentry.example/1")]].concat()) else {
        panic!("it is not encrypted")
    };
    assert!(!problems.to_string().contains("hunter2"), "{problems}");
}

#[test]
fn what_is_told_by_default_and_what_is_asked_for() {
    let settings = read(&PRODUCTION).unwrap().telemetry;
    let expected = Settings { environment: "production".to_owned(), ..Settings::default() };
    assert_eq!(format!("{settings:?}"), format!("{expected:?}"));
    let settings = read(&[
        ("ENVIRONMENT", "development"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("SENTRY_ENVIRONMENT", "staging"),
        ("SLOW_SQL_MS", "0"),
        ("LOG_ROTATION", "hourly"),
        ("LOG_FILE", "rollcall.log"),
    ])
    .unwrap()
    .telemetry;
    assert_eq!((settings.sampler, settings.environment.as_str()), (Sampler::ParentOrRatio(0.25), "staging"));
    assert_eq!((settings.slow_sql, settings.log_rotation), (None, Rotation::Hourly));
    for (variable, value) in [
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
        ("LOG_ROTATION", "yearly"),
        ("LOG_FILE", "/"),
        ("LOG_FILES", "0"),
        ("LOG_LEVEL", "rollcall=loud"),
        ("SLOW_OPERATION_MS", "-1"),
    ] {
        let Problems(problems) = read(&[("ENVIRONMENT", "development"), (variable, value)]).unwrap_err();
        assert!(problems.len() == 1 && problems[0].0 == variable, "{variable}: {problems:?}");
    }
}

#[test]
fn a_process_may_leave_at_once_and_looks_now_and_then() {
    let config = read(&[("ENVIRONMENT", "development")]).unwrap();
    assert_eq!((config.shutdown_delay, config.live_look), (Duration::ZERO, Duration::from_secs(5)));
    let config =
        read(&[("ENVIRONMENT", "development"), ("SHUTDOWN_DELAY_SECONDS", "5"), ("LIVE_LOOK_SECONDS", "1")]).unwrap();
    assert_eq!((config.shutdown_delay, config.live_look), (Duration::from_secs(5), Duration::from_secs(1)));
    for (variable, value) in
        [("SHUTDOWN_DELAY_SECONDS", "soon"), ("LIVE_LOOK_SECONDS", "0"), ("LIVE_LOOK_SECONDS", "11")]
    {
        let Problems(problems) = read(&[("ENVIRONMENT", "development"), (variable, value)]).unwrap_err();
        assert!(problems.len() == 1 && problems[0].0 == variable, "{problems:?}");
    }
}

/// The names that `Raw` reads, found by the names its deserializer asks for.
fn variables() -> Vec<String> {
    let source = include_str!("raw.rs");
    let raw = source.split("struct Raw {").nth(1).unwrap().split('}').next().unwrap();
    raw.lines()
        .filter_map(|line| line.trim().trim_start_matches("pub ").split(':').next())
        .filter(|name| !name.is_empty())
        .map(str::to_uppercase)
        .collect()
}

#[test]
fn the_example_names_every_variable_and_no_other() {
    let example = include_str!("../../.env.example");
    let mut named: Vec<String> = example
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    named.sort();
    let mut read = variables();
    read.sort();
    assert_eq!(named, read);
}
