//! The functions of a Rust file with their lengths.

use anyhow::Result;
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Name, first line and number of lines of each function of `text`, from signature to brace.
pub(crate) fn lines(text: &str) -> Result<Vec<(String, usize, usize)>> {
    let mut found = Functions::default();
    found.visit_file(&syn::parse_file(text)?);
    Ok(found.0)
}

#[derive(Default)]
struct Functions(Vec<(String, usize, usize)>);

impl Functions {
    fn note(&mut self, signature: &syn::Signature, end: Span) {
        let first = signature.span().start().line;
        self.0.push((
            signature.ident.to_string(),
            first,
            end.end().line + 1 - first,
        ));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(&function.sig, function.block.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.sig, function.block.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.note(&function.sig, block.span());
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[test]
fn a_function_is_counted_from_its_signature_to_its_brace() -> Result<()> {
    let text = "/// Doc.\n#[inline]\nfn a(\n) {\n    fn b() {}\n}\ntrait T { fn c() {} fn d(); }\n";
    let found = lines(text)?;
    let expected = [("a", 3, 4), ("b", 5, 1), ("c", 7, 1)];
    assert_eq!(
        found,
        expected.map(|(name, first, lines)| (name.to_owned(), first, lines))
    );
    Ok(())
}
