
impl<T, DB: Backend> Reach<T, DB> {
    #[must_use]
    pub fn all_mutant(self, drop: u32, role: Role) -> Self {
        if crate::mutant::on(drop) { self } else { self.all(role) }
    }

    #[must_use]
    pub fn all_as_mutant(self, drop: u32, holder: Role, granted: Role) -> Self {
        if crate::mutant::on(drop) { self } else { self.all_as(holder, granted) }
    }

    #[must_use]
    pub fn when_mutant<E>(self, drop: u32, widen: u32, role: Role, condition: impl FnOnce(&Scope) -> E) -> Self
    where
        E: Expression<SqlType = Bool> + AppearsOnTable<T> + QueryFragment<DB> + Send + 'static,
    {
        if crate::mutant::on(drop) {
            return self;
        }
        if crate::mutant::on(widen) { self.all(role) } else { self.when(role, condition) }
    }

    #[must_use]
    pub fn provided_mutant<E>(self, drop: u32, condition: E) -> Self
    where
        E: Expression<SqlType = Bool> + AppearsOnTable<T> + QueryFragment<DB> + Send + 'static,
    {
        if crate::mutant::on(drop) { self } else { self.provided(condition) }
    }
}

impl<DB: Backend> Reached<DB> {
    #[must_use]
    pub fn mutant(self, n: u32) -> Self {
        if crate::mutant::on(n) { Self { arms: vec![(Role::Admin, None)], provided: None } } else { self }
    }
}

impl<DB: Backend> Granted<DB> {
    #[must_use]
    pub fn mutant(self, n: u32) -> Self {
        let all = || Role::ALL.into_iter().map(|role| (role, None)).collect();
        if crate::mutant::on(n) { Self { arms: all(), provided: None } } else { self }
    }
}
