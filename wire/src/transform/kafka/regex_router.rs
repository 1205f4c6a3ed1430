//! `RegexRouter`: renames topics that match as a whole.

use crate::data::DataRecord;
use crate::route;
use crate::transform::{Options, Transform, TransformError};

/// The transform.
#[derive(Debug)]
pub(crate) struct RegexRouter {
    router: Option<route::RegexRouter>,
}

pub(crate) fn build(options: &mut Options) -> RegexRouter {
    let regex = options.required("regex");
    let replacement = options.required("replacement");
    let router = match route::RegexRouter::new(&regex, &replacement) {
        Ok(router) => Some(router),
        Err(error) => {
            options.invalid("regex", &regex, format!("Invalid regex: {error}"));
            None
        }
    };
    RegexRouter { router }
}

impl Transform for RegexRouter {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let routed = self
            .router
            .as_ref()
            .and_then(|router| router.route(&record.topic));
        if let Some(topic) = routed {
            record.topic = topic.into();
        }
        Ok(Some(record))
    }
}
