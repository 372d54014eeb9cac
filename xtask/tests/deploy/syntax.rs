//! The syntax trees of expressions, and the way through them.

use anyhow::{Result, anyhow};
use promql_parser::parser::{self, Expr, VectorSelector};

/// An expression's nodes, each with those above it, outermost first.
type Visit<'a> = dyn FnMut(&Expr, &[&Expr]) -> Result<()> + 'a;

/// Visits every node of an expression.
pub(crate) fn walk<'a>(node: &'a Expr, above: &mut Vec<&'a Expr>, visit: &mut Visit<'_>) -> Result<()> {
    visit(node, above)?;
    above.push(node);
    match node {
        Expr::Aggregate(aggregate) => {
            walk(&aggregate.expr, above, visit)?;
            if let Some(parameter) = &aggregate.param {
                walk(parameter, above, visit)?;
            }
        }
        Expr::Unary(unary) => walk(&unary.expr, above, visit)?,
        Expr::Binary(binary) => {
            walk(&binary.lhs, above, visit)?;
            walk(&binary.rhs, above, visit)?;
        }
        Expr::Paren(paren) => walk(&paren.expr, above, visit)?,
        Expr::Subquery(subquery) => walk(&subquery.expr, above, visit)?,
        Expr::Call(call) => {
            for argument in &call.args.args {
                walk(argument, above, visit)?;
            }
        }
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => {}
    }
    above.pop();
    Ok(())
}

/// The selector that a node is, if it is one.
pub(crate) fn selector(node: &Expr) -> Option<&VectorSelector> {
    match node {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::MatrixSelector(matrix) => Some(&matrix.vs),
        _ => None,
    }
}

/// The syntax tree of a query.
pub(crate) fn parse(query: &str) -> Result<Expr> {
    parser::parse(query).map_err(|error| anyhow!("{error}\n{query}"))
}
