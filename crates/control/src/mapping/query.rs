//! List requests: page, order and filters.

use super::error::MappingError;
use crate::limits::{MAPPINGS_PAGE_DEFAULT, PAGE_ITEMS_MAX};
use crate::resource::Page;

/// What a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    limit: usize,
    start: usize,
    name: Option<String>,
    pub(super) schema: Option<String>,
    /// By creation, else by the last change.
    by_created: bool,
    descending: bool,
}

impl Query {
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, MappingError> {
        let mut query = Query {
            limit: MAPPINGS_PAGE_DEFAULT,
            start: 0,
            name: None,
            schema: None,
            by_created: true,
            descending: true,
        };
        for (name, value) in parameters {
            let number = || {
                let bad =
                    |_| MappingError::invalid(format!("{name} must be a number from 0 on, and is {value}"));
                value.parse::<usize>().map_err(bad)
            };
            match name.as_str() {
                "limit" => query.limit = number()?.clamp(1, PAGE_ITEMS_MAX),
                "start" => query.start = number()?,
                "name" => query.name = Some(value.clone()),
                "property" => query.property(value),
                // A plus sign arrives as a blank.
                "orderBy" | "orderby" => {
                    query.descending = value.starts_with('-');
                    query.by_created = value.trim_start_matches([' ', '+', '-']) == "createdDate";
                }
                _ => {}
            }
        }
        Ok(query)
    }

    /// Clients also send properties that mapping sets do not have, such as `status==success`.
    fn property(&mut self, expression: &str) {
        match expression.split_once("==") {
            Some(("xdmSchema", schema)) => self.schema = Some(schema.to_owned()),
            Some(("name", name)) => self.name = Some(name.to_owned()),
            _ => {}
        }
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn page(&self) -> Page<'_> {
        Page {
            name: self.name.as_deref().filter(|name| !name.is_empty()),
            uses: None,
            by_created: self.by_created,
            descending: self.descending,
            start: self.start,
            limit: self.limit,
        }
    }
}
