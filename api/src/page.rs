//! Cursor pagination: a page, and an opaque text that says where the next one starts.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 500;

/// Which page is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Items on the page, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub(crate) limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Give it as `cursor` to get the next page; `null` on the last one.
    pub(crate) next_cursor: Option<String>,
}

impl PageQuery {
    /// Items wanted; one more is read to learn whether a next page exists.
    pub(crate) fn limit(&self) -> Result<i64, Problem> {
        match self.limit.unwrap_or(LIMIT_DEFAULT) {
            limit @ 1..=LIMIT_MAX => Ok(limit),
            _ => Err(Problem::field(
                "limit",
                format!("must be from 1 to {LIMIT_MAX}"),
            )),
        }
    }

    /// The last key of the page before, if there was one.
    pub(crate) fn after(&self) -> Result<Option<String>, Problem> {
        let decode = |cursor: &String| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
            String::from_utf8(bytes)
                .ok()
                .filter(|text| !text.contains('\0'))
        };
        let bad = || Problem::field("cursor", "is not a next_cursor that was given here");
        self.cursor
            .as_ref()
            .map(|cursor| decode(cursor).ok_or_else(bad))
            .transpose()
    }

    /// As [`PageQuery::after`], for keys that are numbers; 0 starts at the beginning.
    pub(crate) fn after_id(&self) -> Result<i64, Problem> {
        let bad = |_| Problem::field("cursor", "is not a next_cursor that was given here");
        self.after()?
            .map_or(Ok(0), |text| text.parse().map_err(bad))
    }
}

impl<T> Page<T> {
    /// A page of `limit` items out of `rows`, which hold one more if there is a next page.
    pub(crate) fn new(mut rows: Vec<T>, limit: i64, key: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more);
        let next_cursor = last.map(|item| BASE64_URL_SAFE_NO_PAD.encode(key(item)));
        Self {
            items: rows,
            next_cursor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_key_after_which_to_go_on() {
        let page = Page::new(vec![1, 2, 3], 2, ToString::to_string);
        assert_eq!(page.items, [1, 2]);
        let query = PageQuery {
            limit: None,
            cursor: page.next_cursor,
        };
        assert_eq!(query.after_id().expect("ours"), 2);
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        assert_eq!(
            Page::new(vec![1, 2], 2, ToString::to_string).next_cursor,
            None
        );
    }

    #[test]
    fn limits_and_cursors_of_others_are_refused() {
        for limit in [0, -1, 501] {
            assert!(
                PageQuery {
                    limit: Some(limit),
                    cursor: None
                }
                .limit()
                .is_err()
            );
        }
        let query = PageQuery {
            limit: None,
            cursor: Some("%%".into()),
        };
        assert!(query.after().is_err());
        let query = PageQuery {
            limit: None,
            cursor: Some(BASE64_URL_SAFE_NO_PAD.encode("x")),
        };
        assert!(query.after_id().is_err());
    }
}
