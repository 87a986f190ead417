//! Spans of resolvers: of the root fields, where each list and each change begins. What their rows need further is loaded for
//! many at a time, and has spans of its own (`span::load`).

use std::sync::Arc;

use async_graphql::{
    ServerResult, Value,
    async_trait::async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo},
};
use tracing::{Instrument, field::Empty};

use super::TARGET;

/// Has root fields resolved within spans. Every field passes here and takes longer for it, so it is for what is traced alone.
pub struct RootFields;

impl ExtensionFactory for RootFields {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for RootFields {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        if info.path_node.parent.is_some() || info.is_for_introspection {
            return next.run(ctx, info).await;
        }
        let span = tracing::info_span!(
            target: TARGET,
            "resolve",
            otel.name = %format_args!("{}.{}", info.parent_type, info.name),
            otel.status_code = Empty,
            graphql.field.name = info.name,
            graphql.field.type = info.return_type,
        );
        let resolved = next.run(ctx, info).instrument(span.clone()).await;
        if resolved.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        resolved
    }
}
