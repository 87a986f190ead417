//! The institute's card: edited by ADMIN alone.

use rollcall::demo::cast;
use serde_json::{Value, json};

const CARD: &str =
    "institute { name phone email address registrationNumber taxNumber logoUrl description timeZone version }";

on_both! {
    async fn the_institute_is_edited_by_its_administrators(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let edit = json!({
            "version": 1, "name": " Hillside College ", "phone": "+977 1 4123456", "email": "Office@Hillside.Example", "address": "Old Road 1",
            "registrationNumber": "R-1", "taxNumber": null, "logoUrl": "https://files.example.org/logo.svg", "description": "On a hill.",
        });
        let edited = admin.done("editInstitute", edit, CARD).await["institute"].clone();
        let expected = json!({
            "name": "Hillside College", "phone": "+97714123456", "email": "office@hillside.example", "address": "Old Road 1",
            "registrationNumber": "R-1", "taxNumber": null, "logoUrl": "https://files.example.org/logo.svg", "description": "On a hill.",
            "timeZone": "Asia/Kathmandu", "version": 2,
        });
        assert_eq!(edited, expected);
        assert_eq!(admin.data(&format!("{{ {CARD} }}")).await["institute"], expected);
        let entries = "{ auditEntries(filter: {action: \"editInstitute\"}) { edges { node { subjectType changes { field } } } } }";
        let entry = admin.data(entries).await["auditEntries"]["edges"][0]["node"].clone();
        assert_eq!(entry["subjectType"], "Institute");
        assert!(entry["changes"].as_array().unwrap().contains(&json!({"field": "tax_number"})));
    }

    async fn today_is_in_the_zone_that_was_set(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        // 18:30 UTC on the 20th: the 21st in Kathmandu, the 20th in Lisbon.
        app.clock.advance(chrono::Duration::minutes(390));
        let born = |date: &str| json!({"name": "Ann Lee", "email": format!("ann{date}@example.org"), "roles": ["ADMISSION"], "birthDate": date});
        admin.done("addStaff", born("2026-03-21"), "").await;
        admin.done("editInstitute", json!({"version": 1, "timeZone": "Europe/Lisbon"}), "").await;
        let mut errors = app.refused(&admin, "addStaff", born("2026-03-21")).await;
        errors.sort();
        assert_eq!(errors, ["birthDate IN_FUTURE", "email TAKEN"]);
    }

    async fn what_is_wrong_with_the_institute_is_said_at_once(app: TestApp) {
        let admin = app.sign_in(cast::ADMIN).await;
        let wrong = json!({"version": 0, "name": null, "email": "x", "phone": "12", "logoUrl": "http://x", "timeZone": "Nepal Time", "address": "a\nb"});
        let mut errors = app.refused(&admin, "editInstitute", wrong).await;
        errors.sort();
        let expected = ["address INVALID", "email INVALID", "logoUrl INVALID", "name REQUIRED", "phone INVALID", "timeZone INVALID", "version STALE"];
        assert_eq!(errors, expected);
        for zone in [Value::Null, json!("")] {
            let code = if zone.is_null() { "timeZone REQUIRED" } else { "timeZone INVALID" };
            assert_eq!(app.refused(&admin, "editInstitute", json!({"version": 1, "timeZone": zone})).await, [code]);
        }
        for (role, client) in app.everybody().await {
            if role != "ADMIN" {
                let code = if role == "ANONYMOUS" { "UNAUTHENTICATED" } else { "FORBIDDEN" };
                assert_eq!(app.denied(&client, "editInstitute", json!({"version": 1, "name": "Mine"})).await, code, "{role}");
            }
        }
    }
}
